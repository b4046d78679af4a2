import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Logger } from '../../adapters/log.ts';

export interface TestTemporal {
  address: string;
  namespace: string;
  client: Client;
  native: NativeConnection;
  close(): Promise<void>;
}

const PINO_LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Open connections of this test file: they share one native runtime. */
let users = 0;

/**
 * A real Temporal server: the one that the whole run shares (ALTA_TEST_TEMPORAL_ADDRESS, set by jest's global set-up), else one
 * of its own, from the binary that ALTA_TEMPORAL_BIN names. The first connection of a test file decides where the SDK's own lines
 * go: to `log`, all of them, or errors to the console.
 */
export async function connectTemporal(log?: Logger): Promise<TestTemporal> {
  if (users === 0) {
    const logger = log
      ? new DefaultLogger('TRACE', ({ level, message, meta }) => log[PINO_LEVELS[level]](meta ?? {}, message))
      : new DefaultLogger('ERROR');
    Runtime.install({ logger, telemetryOptions: { logging: { filter: log ? 'info' : 'error', forward: {} } } });
  }
  users += 1;
  const shared = process.env['ALTA_TEST_TEMPORAL_ADDRESS'];
  const own = shared === undefined ? await startOwn() : undefined;
  const address = shared ?? own!.address;
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  return {
    address,
    namespace: 'default',
    client: new Client({ connection }),
    native,
    async close() {
      await Promise.all([connection.close(), native.close()]);
      await own?.env.teardown();
      users -= 1;
      if (users === 0) await Runtime.instance().shutdown();
    },
  };
}

async function startOwn(): Promise<{ env: TestWorkflowEnvironment; address: string }> {
  const path = process.env['ALTA_TEMPORAL_BIN'];
  if (path === undefined) throw new Error('set ALTA_TEMPORAL_BIN, or run through `npm test`');
  const attributes = ['AltaState', 'AltaStep', 'AltaAccountId', 'AltaCluster'].flatMap((name) => ['--search-attribute', `${name}=Keyword`]);
  const env = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path }, extraArgs: attributes } });
  return { env, address: env.address };
}
