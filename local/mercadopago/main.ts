import { parseArgs } from 'node:util';
import { startMercadoPago } from './index.ts';

/**
 * `node local/mercadopago/main.ts [--port 0] [--data-file path] [--retry-ms 1000,5000]`: prints one JSON line when it is ready and
 * ends on SIGTERM or SIGINT.
 */
const { values } = parseArgs({ options: { port: { type: 'string' }, 'data-file': { type: 'string' }, 'retry-ms': { type: 'string' } } });
const dataFile = values['data-file'];
const retryMs = values['retry-ms'];

const simulator = await startMercadoPago({
  port: Number(values.port ?? 0),
  ...(dataFile === undefined ? {} : { dataFile }),
  ...(retryMs === undefined ? {} : { webhookRetryMs: retryMs.split(',').filter(Boolean).map(Number) }),
});
const end = (): void => {
  void simulator.close().then(() => process.exit(0));
};
process.once('SIGTERM', end);
process.once('SIGINT', end);
process.stdout.write(`${JSON.stringify({ ...simulator, control: undefined })}\n`);
