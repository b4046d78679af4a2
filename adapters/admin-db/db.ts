import pg from 'pg';
import { effect } from '../effect.ts';
import type { Logger } from '../log.ts';
import { connectionOf } from './address.ts';
import { ROLES, type AdminDbRole, type RoleLimits } from './roles.ts';
import { currentSignal, throwIfEnded } from '../signal.ts';
import { toAdminDbError } from './errors.ts';

/** A prepared statement. Its name is also the name of its effect boundary: `admin-db.<act>`, at most 63 bytes. */
export interface NamedQuery {
  name: string;
  text: string;
  values?: unknown[];
}

/** An open transaction, or anything else that runs statements. */
export interface Tx {
  query<T>(query: NamedQuery): Promise<T[]>;
}

export interface AdminDb extends Tx {
  /** Runs one statement in a transaction of its own. Throws ADMIN_DB_UNAVAILABLE, ADMIN_DB_REJECTED or a code of our triggers. */
  query<T>(query: NamedQuery): Promise<T[]>;
  /** Runs `fn` in one transaction (READ COMMITTED), which is one effect boundary of this name: committed when it returns, rolled back when it throws. */
  tx<T>(name: string, fn: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
  readonly pool: pg.Pool;
}

export interface AdminDbOptions {
  /** Acts with the rights, the name and the limits of this process; without it as the login itself, which only tools and tests do. */
  role?: AdminDbRole;
  /** In place of the role's own limits. */
  max?: number;
  applicationName?: string;
  connectTimeoutMs?: number;
  statementTimeoutMs?: number;
  lockTimeoutMs?: number;
  log?: Pick<Logger, 'warn'>;
}

const INT8 = 20;
const TIMESTAMPTZ = 1184;
const builtInParser: (oid: number, format?: 'text' | 'binary') => unknown = pg.types.getTypeParser;

/** int8 as a number where it is exact, as text beyond; timestamps as ISO text, so that rows are plain JSON; numeric stays text. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
    if (oid === INT8) return (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : text);
    if (oid === TIMESTAMPTZ) return (text) => new Date(text).toISOString();
    return builtInParser(oid, format) as (value: string) => unknown;
  },
};

const PLAIN: Omit<RoleLimits, 'role'> = { applicationName: 'alta', pool: 10, connectMs: 5_000, statementMs: 10_000, lockMs: 5_000 };
/** An unused connection is given back after so long, and a used one after so long, so that a moved server is noticed. */
const IDLE_MS = 60_000;
const LIFETIME_SECONDS = 30 * 60;
/** Silence after which the system asks whether the other side is still there. */
const KEEP_ALIVE_MS = 10_000;

/** Opens the pool of the Admin DB. Nothing connects before the first statement. Every wait has a limit. */
export function createAdminDb(url: string, options: AdminDbOptions = {}): AdminDb {
  const limits: Partial<RoleLimits> & typeof PLAIN = options.role === undefined ? PLAIN : ROLES[options.role];
  const statementTimeout = options.statementTimeoutMs ?? limits.statementMs;
  const pool = new pg.Pool({
    ...connectionOf(url, limits.role, limits.settings),
    max: options.max ?? limits.pool,
    application_name: options.applicationName ?? limits.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? limits.connectMs,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + 2_000,
    lock_timeout: options.lockTimeoutMs ?? limits.lockMs,
    idle_in_transaction_session_timeout: statementTimeout + 5_000,
    idleTimeoutMillis: IDLE_MS,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: types,
  });
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', (error) => options.log?.warn({ err: error }, 'admin db: an idle connection was lost'));
  // Nor listens anybody between the moment that the pool lends a new one and the moment that it is received: a server that shuts down may say
  // so in the same packet as that it is ready. The statement that follows fails by itself.
  pool.on('connect', (client) => client.on('error', () => undefined));

  const run = async <T>(client: pg.PoolClient, query: NamedQuery): Promise<T[]> => {
    try {
      return (await client.query({ name: query.name, text: query.text, values: query.values ?? [] })).rows as T[];
    } catch (error) {
      throw toAdminDbError(error, query.name);
    }
  };

  return {
    pool,
    query: (query) => effect(query.name, () => onConnection(pool, query.name, (client) => run(client, query))),
    tx: (name, fn) => effect(name, () => transaction(pool, name, (client) => fn({ query: (query) => run(client, query) }))),
    close: () => pool.end(),
  };
}

/**
 * Lends a connection to `act`. When the caller's signal ends meanwhile (a cancelled activity), the connection is closed, which takes
 * back what was not committed, and the signal's own reason is thrown. A connection that may still be at work is never lent again.
 */
async function onConnection<T>(
  pool: pg.Pool,
  name: string,
  act: (client: pg.PoolClient, onLost: (error: Error) => void) => Promise<T>,
): Promise<T> {
  throwIfEnded();
  let client: pg.PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    throw toAdminDbError(error, name);
  }
  // A connection that dies between two statements tells so by an event; the next statement fails in any case.
  let lost: Error | undefined;
  const onLost = (error: Error): void => {
    lost = error;
  };
  // With a statement under way, `end` does not wait for its answer.
  const cut = (): void => {
    onLost(new Error('ended by the caller'));
    void (client as pg.PoolClient & Pick<pg.Client, 'end'>).end().catch(onLost);
  };
  const signal = currentSignal();
  client.on('error', onLost);
  signal?.addEventListener('abort', cut, { once: true });
  try {
    throwIfEnded();
    return await act(client, onLost);
  } catch (error) {
    const fault = toAdminDbError(error, name);
    if (fault.code === 'ADMIN_DB_UNAVAILABLE') lost ??= fault;
    throw signal?.aborted === true ? signal.reason : fault;
  } finally {
    signal?.removeEventListener('abort', cut);
    client.off('error', onLost);
    client.release(lost);
  }
}

function transaction<T>(pool: pg.Pool, name: string, fn: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return onConnection(pool, name, async (client, onLost) => {
    try {
      await client.query('begin');
      const result = await fn(client);
      await client.query('commit');
      return result;
    } catch (error) {
      const fault = toAdminDbError(error, name);
      // A connection that did not answer in time is thrown away, which rolls back too.
      if (fault.code !== 'ADMIN_DB_UNAVAILABLE') await client.query('rollback').catch(onLost);
      throw fault;
    }
  });
}
