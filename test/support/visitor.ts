import { Client, Connection } from '@temporalio/client';
import type { ActivityDeps } from '../../activities/index.ts';
import { createAdminDb, type AdminDb } from '../../adapters/admin-db/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { createControl, type MercadoPagoControl } from '../../local/mercadopago/control.ts';
import type { Stack } from '../../local/stack.ts';
import { waitUntil } from '../../local/wait.ts';
import { connectDeps } from '../../worker/deps.ts';

/** What a measuring process needs of a stack whose work is done by Alta's own processes. */
export interface Visitor {
  /** With all rights: it opens orders as the API does, and reads and makes stores as the worker does. */
  deps: ActivityDeps;
  /** For looking, so that it takes no connection from what is measured. */
  db: AdminDb;
  temporal: Client;
  mercadoPago: MercadoPagoControl;
  /** Waits until every outbox row is delivered or dead. */
  emptyOutbox(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** Connects this process to a stack under a name of its own. */
export async function visitStack(stack: Stack, name: string): Promise<Visitor> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const worker = await connectDeps(loadConfig(stack.env), createLogger(name, 'warn'));
    closers.push(() => worker.close());
    const deps = { ...worker, db: createAdminDb(stack.adminDatabaseUrl, { applicationName: `${name}-deps` }) };
    closers.push(() => deps.db.close());
    const db = createAdminDb(stack.adminDatabaseUrl, { max: 2, applicationName: name });
    closers.push(() => db.close());
    const { address, namespace } = stack.temporal;
    const connection = await Connection.connect({ address });
    closers.push(() => connection.close());
    const open = { name: 'visitor.open-outbox', text: `select from outbox where status in ('pending', 'processing') limit 1` };
    return {
      deps,
      db,
      temporal: new Client({ connection, namespace }),
      mercadoPago: createControl(stack.mercadoPago.url),
      emptyOutbox: async (timeoutMs = 60_000) =>
        void (await waitUntil('an empty outbox', async () => (await db.query(open)).length === 0, { everyMs: 20, timeoutMs })),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
