import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, type Registry } from 'prom-client';
import { AltaError } from '../../contract/errors.ts';
import type { Config } from '../config.ts';

/** Longest wait for the engine's own exporter on this machine, ms. */
const ENGINE_TIMEOUT_MS = 2_000;

export interface MetricsSource {
  registry: Registry;
  /** Called before each scrape; never throws. */
  refresh?: () => Promise<void>;
  /** Where the Temporal SDK of this process exposes its metrics: they are told along. */
  engineUrl?: string;
}

export interface MetricsServer {
  url: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics` of one process in Prometheus' text form on METRICS_HOST and METRICS_PORT: a port of its own that is never
 * public (P-615), by default this machine's. Nothing is served when METRICS_PORT is not set; 0 takes a free one. Throws
 * CONFIG_INVALID when the address cannot be taken.
 */
export async function serveMetrics(
  { METRICS_HOST: host, METRICS_PORT: port }: Pick<Config, 'METRICS_HOST' | 'METRICS_PORT'>,
  source: MetricsSource,
): Promise<MetricsServer | undefined> {
  if (port === undefined) return undefined;
  collectDefaultMetrics({ register: source.registry });
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ code: 'NOT_FOUND' }));
      return;
    }
    scrape(source).then(
      (text) => response.writeHead(200, { 'content-type': source.registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const { code } = error as NodeJS.ErrnoException;
      reject(new AltaError('CONFIG_INVALID', `METRICS_PORT: ${host}:${port} cannot be used (${code ?? 'error'})`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}/metrics`,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

/** The text of one scrape. An engine that does not answer takes nothing from the rest: a scrape that fails tells nothing at all. */
export async function scrape({ registry, refresh, engineUrl }: MetricsSource): Promise<string> {
  const [engine] = await Promise.all([engineUrl === undefined ? '' : engineText(engineUrl), refresh?.()]);
  return `${await registry.metrics()}${engine}`;
}

async function engineText(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ENGINE_TIMEOUT_MS) });
    return response.ok ? await response.text() : '';
  } catch {
    return '';
  }
}
