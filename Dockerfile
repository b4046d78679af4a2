# Alta's one image: `worker | api | relay | migrate | cli` (deploy/entrypoint.ts). docs/deploy.md says how it is run.
#
#   docker build --build-arg REVISION=$(git rev-parse HEAD) -t alta .
#
# glibc, not musl: Temporal's native core is built for glibc. The tag names the Node that the tests run on (package.json).
ARG NODE_IMAGE=node:24.21.0-trixie-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No package that production needs has an install script that it needs.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM dependencies AS bundle
COPY contract ./contract
COPY workflows ./workflows
COPY activities ./activities
COPY adapters ./adapters
COPY worker ./worker
RUN node worker/build-bundle.ts dist/workflows.bundle.js

FROM ${NODE_IMAGE} AS alta
ARG REVISION=unknown
LABEL org.opencontainers.image.title="alta" \
      org.opencontainers.image.description="Turns a paid order into a working store, exactly once, on the right Supabase cluster" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=bundle /app/dist ./dist
COPY package.json ./
COPY contract ./contract
COPY workflows ./workflows
COPY activities ./activities
COPY adapters ./adapters
COPY worker ./worker
COPY client ./client
COPY deploy/entrypoint.ts deploy/health.ts ./deploy/
ENV NODE_ENV=production \
    ALTA_WORKFLOW_BUNDLE=/app/dist/workflows.bundle.js \
    API_HOST=0.0.0.0 \
    API_PORT=8080 \
    WORKER_PROBE_HOST=0.0.0.0 \
    WORKER_PROBE_PORT=8081 \
    RELAY_PROBE_HOST=0.0.0.0 \
    RELAY_PROBE_PORT=8082
# A number, so that an orchestrator can see that it is not root. Nothing below /app belongs to it, and nothing is written to disk.
USER 10001:10001
EXPOSE 8080 8081 8082
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/deploy/entrypoint.ts", "health"]
ENTRYPOINT ["node", "/app/deploy/entrypoint.ts"]
