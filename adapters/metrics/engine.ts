import { createServer, type AddressInfo } from 'node:net';

/** A free port of this machine for the Temporal SDK's own exporter, which cannot say which one it took. */
export function enginePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/**
 * What the SDK's runtime is told: expose its metrics on this machine, where `serveMetrics` picks them up, in seconds and with
 * units in their names, as Prometheus wants it.
 */
export const engineTelemetry = (port: number) => ({
  prometheus: { bindAddress: `127.0.0.1:${port}`, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
});
