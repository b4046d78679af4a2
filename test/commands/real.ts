import { randomBytes } from 'node:crypto';
import { createAdminDb, saveMpCredentials } from '../../adapters/admin-db/index.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import type { UpkeepTask } from '../../contract/upkeep.ts';
import { openFrontDoor } from '../chaos/front-door.ts';
import { sampleMpCredentials } from '../support/samples.ts';
import { runTask } from '../support/upkeep.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';
import type { Account } from './model.ts';
import { createPeople, type People } from './people.ts';
import { createProcesses, type Processes } from './processes.ts';

/** Keys, oldest first; the second comes in by rotation. */
const ring = (letter: string): string[] => [1, 2].map((n) => `${letter}${String(n)}:${randomBytes(32).toString('base64')}`);

/** Alta's own processes on the real stack, and everybody who has to do with them. */
export interface Real {
  world: World;
  processes: Processes;
  people: People;
  /** Operators' commands, with an operator's rights; keys with their keeper's. */
  alta: AltaClient;
  /** Where customers and Mercado Pago find the API. */
  url: string;
  keys: { vault: readonly string[]; codec: readonly string[] };
  /** From now on operators, and who connects a merchant, seal with these keys of the vault. */
  sealWith(vaultKeys: string): void;
  /** By an account's number. */
  orders: PlacedOrder[];
  /** Ids at Mercado Pago, by a payment's number. */
  payments: string[];
  /** What was done, a command each, as it is kept and played again. */
  played: object[];
  idOf(account: Account): string;
  /** Connects an account to Mercado Pago as the wizard would have left it, with tokens that are no good there. */
  connect(accountId: string): Promise<void>;
  /** Runs a task of upkeep as its schedule does. */
  sweep(task: UpkeepTask): Promise<void>;
  close(): Promise<void>;
}

/** Short waits; the rules are the product's. */
const SETTINGS = {
  RELAY_LEASE_SECONDS: '3',
  CLUSTER_TIMEOUT_MS: '2000',
  MP_TIMEOUT_MS: '2000',
  ALTA_SHUTDOWN_GRACE_MS: '5000',
  ALTA_REFUND_POLICY: JSON.stringify({ retryInitialMs: 50, retryMaxMs: 500, followInitialMs: 100, followMaxMs: 300 }),
  ALTA_CREDENTIALS_POLICY: JSON.stringify({ retryInitialMs: 50, retryMaxMs: 500, tokenCallMs: 10_000, heartbeatMs: 5_000 }),
};

/** Opens a world whose API, relay and worker are processes of their own, one of each. */
export async function openReal(): Promise<Real> {
  const closers: (() => Promise<unknown>)[] = [];
  const over = new AbortController();
  const close = async (): Promise<void> => {
    over.abort();
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const keys = { vault: ring('t'), codec: ring('c') };
    const [[firstVaultKey = ''], [firstCodecKey = '']] = [keys.vault, keys.codec];
    const env: Record<string, string> = {};
    const processes = createProcesses(() => ({ ...env, ALTA_VAULT_KEYS: firstVaultKey, ALTA_CODEC_KEYS: firstCodecKey }));
    const door = await openFrontDoor(() => processes.apis());
    closers.push(() => door.close());
    const world = await startWorld({
      run: { worker: false, relay: false, api: false },
      policy: { retryAttempts: 4, stepTimeoutMs: 4_000 },
      mercadoPago: { webhookTimeoutMs: 2_000, webhookRetryTimeoutMs: 2_000 },
      // The test's own eyes open everything; the processes get their keys one after another.
      env: { ...SETTINGS, PUBLIC_URL: door.url, ALTA_VAULT_KEYS: keys.vault.join(','), ALTA_CODEC_KEYS: keys.codec.join(',') },
    });
    closers.push(() => world.close());
    Object.assign(env, world.env);
    closers.push(() => processes.close());
    await Promise.all((['worker', 'relay', 'api'] as const).map((kind) => processes.start(kind)));
    const db = createAdminDb(world.database.url, { role: 'operator' });
    closers.push(() => db.close());
    const keeperDb = createAdminDb(world.database.url, { role: 'keeper' });
    closers.push(() => keeperDb.close());
    const altaWith = (ALTA_VAULT_KEYS: string): AltaClient => {
      const [temporal, config] = [world.temporal, { ...world.config, ALTA_VAULT_KEYS }];
      return { ...createAltaClient({ db, temporal, config }), keys: createAltaClient({ db: keeperDb, temporal, config }).keys };
    };
    let sealing = firstVaultKey;
    const real: Real = {
      world,
      processes,
      people: createPeople(over.signal),
      alta: altaWith(sealing),
      url: door.url,
      keys,
      sealWith: (vaultKeys) => {
        sealing = vaultKeys;
        real.alta = altaWith(vaultKeys);
      },
      orders: [],
      payments: [],
      played: [],
      idOf: ({ no }) => real.orders[no]!.accountId,
      connect: async (accountId) => void (await saveMpCredentials(world.db, createVault(sealing), accountId, sampleMpCredentials())),
      sweep: async (task) => void (await runTask(world, task)),
      close,
    };
    return real;
  } catch (error) {
    await close();
    throw error;
  }
}
