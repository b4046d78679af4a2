import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.ts';
import { AltaError } from '../contract/errors.ts';
import { effect } from '../adapters/effect.ts';
import { readTemporalProfile, type TemporalConnection } from '../adapters/temporal/index.ts';
import type { Child } from './child.ts';
import { withFreePorts } from './ports.ts';
import type { Supervisor } from './processes.ts';
import { findTemporal, provideTemporal } from './temporal-binary.ts';
import { messageOf, waitUntil } from './wait.ts';

export interface TemporalServer {
  address: string;
  namespace: string;
  /** Address of the Web UI; undefined when another server is used that named none. */
  uiUrl: string | undefined;
  /** The TEMPORAL_* settings by which Alta's processes reach it. */
  settings: Record<string, string>;
  /** The dev server's process; undefined for another server. */
  child: Child | undefined;
}

export interface TemporalOptions {
  supervisor: Supervisor;
  env?: Record<string, string | undefined>;
  /** Told what takes long. */
  note?: (text: string) => void;
  /** Further dynamic settings of the dev server, such as lower limits for a test. */
  dynamicConfig?: Record<string, string | number | boolean>;
  /** Where the Web UI has payloads opened. */
  codecEndpoint?: string;
}

const DYNAMIC_CONFIG = {
  // The dev server looks for new tasks 20 times a second; at this rate a step takes a tenth of the time.
  'history.transferProcessorMaxPollRPS': 200,
  'history.timerProcessorMaxPollRPS': 200,
  'system.enableActivityEagerExecution': true,
};
const NAMESPACE = 'default';
const ATTRIBUTE_TYPES = { KEYWORD: 'Keyword' } as const;
/** The protocol's number of the type Keyword. */
const KEYWORD = 2;

/**
 * Provides Temporal: the server of TEMPORAL_ADDRESS or of the Temporal profile, or a dev server on free ports with its Web UI, whose runs are kept in the
 * data directory. Returns when it serves and knows Alta's search attributes. Throws TEMPORAL_UNAVAILABLE.
 */
export async function startTemporal({
  supervisor,
  env = process.env,
  note = () => undefined,
  dynamicConfig = {},
  codecEndpoint,
}: TemporalOptions): Promise<TemporalServer> {
  const source = findTemporal(env);
  if (source.kind === 'address') {
    const { namespace, connection } = readTemporalProfile(env);
    await prepareNamespace(connection, namespace, 20_000);
    return { address: connection.address, namespace, uiUrl: env['TEMPORAL_UI_URL'], settings: temporalSettings(env), child: undefined };
  }
  const binary = await provideTemporal(source, supervisor, note);
  return withFreePorts(4, async ([port = 0, uiPort = 0, httpPort = 0, metricsPort = 0]) => {
    const address = `127.0.0.1:${port}`;
    const file = join(supervisor.dataDir, 'temporal.db');
    const child = await supervisor.start({
      name: 'temporal',
      command: binary,
      args: [
        'server',
        'start-dev',
        '--ip',
        '127.0.0.1',
        '--port',
        String(port),
        '--ui-port',
        String(uiPort),
        '--http-port',
        String(httpPort),
        '--metrics-port',
        String(metricsPort),
        '--db-filename',
        file,
        '--sqlite-pragma',
        'journal_mode=wal',
        '--sqlite-pragma',
        'synchronous=0',
        ...(codecEndpoint === undefined ? [] : ['--ui-codec-endpoint', codecEndpoint]),
        '--log-level',
        'warn',
        ...Object.entries({ ...DYNAMIC_CONFIG, ...dynamicConfig }).flatMap(([key, value]) => [
          '--dynamic-config-value',
          `${key}=${JSON.stringify(value)}`,
        ]),
        ...Object.values(SEARCH_ATTRIBUTES).flatMap(({ name, type }) => ['--search-attribute', `${name}=${ATTRIBUTE_TYPES[type]}`]),
      ],
      marker: file,
      readyProbe: () => serves({ address }, NAMESPACE),
      readyTimeoutMs: 60_000,
      stopTimeoutMs: 8_000,
    });
    await prepareNamespace({ address }, NAMESPACE, 20_000);
    // What else the shell says of Temporal is about another server, and is taken back.
    const others = Object.fromEntries(Object.keys(temporalSettings(env)).map((name) => [name, '']));
    const settings = { ...others, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: NAMESPACE };
    return { address, namespace: NAMESPACE, uiUrl: `http://127.0.0.1:${uiPort}`, settings, child };
  });
}

/** The settings of the Temporal profile that an environment holds. */
const temporalSettings = (env: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (name.startsWith('TEMPORAL_') && value !== undefined ? [[name, value]] : [])),
  );

async function withConnection<T>(target: TemporalConnection, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await effect('temporal.connect', () => Connection.connect({ ...target, connectTimeout: '3s' }));
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

async function serves(target: TemporalConnection, namespace: string): Promise<boolean> {
  try {
    await withConnection(target, (connection) =>
      effect('temporal.describe-namespace', () =>
        connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.describeNamespace({ namespace })),
      ),
    );
    return true;
  } catch {
    return false;
  }
}

/** Adds the search attributes that the namespace lacks, and waits until they can be used. */
export async function prepareNamespace(target: TemporalConnection, namespace: string, timeoutMs: number): Promise<void> {
  const wanted = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);
  const look = (): Promise<boolean> =>
    withConnection(target, async (connection) => {
      const operator = connection.operatorService;
      const found = await effect('temporal.list-search-attributes', () => operator.listSearchAttributes({ namespace }));
      const missing = wanted.filter((name) => found.customAttributes[name] === undefined);
      if (missing.length === 0) return true;
      const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
      await effect('temporal.add-search-attributes', () => operator.addSearchAttributes({ namespace, searchAttributes }));
      return false;
    });
  await waitUntil(`Temporal at ${target.address}`, look, { timeoutMs, everyMs: 100 }).catch((error: unknown) => {
    throw new AltaError('TEMPORAL_UNAVAILABLE', messageOf(error), { cause: error });
  });
}
