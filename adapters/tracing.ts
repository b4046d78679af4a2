import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Config } from './config.ts';

/** Everything else that a library puts on a span is dropped: a workflow's memo, an error's message, an operator's reason. */
const KEPT: ReadonlySet<string> = new Set([
  'alta.code',
  'alta.target',
  'alta.attempt',
  'http.request.method',
  'http.route',
  'temporalWorkflowId',
  'run_id',
  'runId',
  'workflowId',
  'workflowType',
  'temporalActivityId',
  'temporalUpdateId',
]);

export interface Tracing {
  processor: SpanProcessor;
  resource: Resource;
  /** Sends what is left. */
  close(): Promise<void>;
}

/**
 * Installs tracing for this process: spans go in batches to the collector at OTEL_EXPORTER_OTLP_ENDPOINT, without waiting for it.
 * Nothing is loaded or installed when that is not set. A collector that is down costs spans, never work.
 */
export async function startTracing(
  service: string,
  { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }: Pick<Config, 'OTEL_EXPORTER_OTLP_ENDPOINT'>,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const [{ W3CTraceContextPropagator }, { OTLPTraceExporter }, { Resource }, { BatchSpanProcessor, NodeTracerProvider }] =
    await Promise.all([
      import('@opentelemetry/core'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-node'),
    ]);
  const resource = new Resource({ 'service.name': service, 'service.namespace': 'alta' });
  const exporter = new OTLPTraceExporter({ url: new URL('v1/traces', endpoint.endsWith('/') ? endpoint : `${endpoint}/`).href });
  const processor = cleaned(new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1_000 }));
  const provider = new NodeTracerProvider({ resource, spanProcessors: [processor] });
  provider.register({ propagator: new W3CTraceContextPropagator() });
  return { processor, resource, close: () => provider.shutdown() };
}

/** Lets only what is known to be harmless out of the process (law 9). */
const cleaned = (inner: SpanProcessor): SpanProcessor => ({
  onStart: (span, parent) => inner.onStart(span, parent),
  onEnd: (span) => inner.onEnd(cleanSpan(span)),
  forceFlush: () => inner.forceFlush(),
  shutdown: () => inner.shutdown(),
});

export const cleanSpan = (span: ReadableSpan): ReadableSpan =>
  Object.create(span, {
    attributes: { value: Object.fromEntries(Object.entries(span.attributes).filter(([name]) => KEPT.has(name))) },
    events: { value: [] },
    status: { value: { code: span.status.code } },
  }) as ReadableSpan;
