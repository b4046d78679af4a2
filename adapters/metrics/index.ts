/** Prometheus metrics, one registry a process: no registry is shared, so that nothing is counted twice or left over. */
export { apiMetrics, type ApiMetrics } from './api.ts';
export { enginePort, engineTelemetry } from './engine.ts';
export { relayMetrics, type DeliveryOutcome, type RelayMetrics } from './relay.ts';
export { serveMetrics, scrape, type MetricsServer, type MetricsSource } from './serve.ts';
export { stateGauges } from './state.ts';
export { workerMetrics, type WorkerMetrics } from './worker.ts';
