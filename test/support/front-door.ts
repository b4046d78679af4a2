import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createAdminDb, type AdminDb } from '../../adapters/admin-db/index.ts';
import { loadConfig, type Config } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { createMercadoPago, type MercadoPago } from '../../adapters/mercadopago/index.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { buildApi } from '../../client/api/index.ts';
import type { CheckoutAnswer } from '../../contract/checkout.ts';
import { startMercadoPago, type Simulator } from '../../local/mercadopago/index.ts';
import { freshDatabase } from './postgres.ts';
import { sampleCheckout } from './samples.ts';
import { openLine, type Switchboard } from './switchboard.ts';

export interface FrontDoor {
  url: string;
  webhookUrl: string;
  /** The Admin DB, reached without the line that the API uses. */
  db: AdminDb;
  mp: MercadoPago;
  simulator: Simulator;
  config: Config;
  /** Cuts the API's line to the Admin DB. */
  databaseLine: Switchboard;
  sql<T>(text: string, values?: unknown[]): Promise<T[]>;
  post(
    path: string,
    body: string | object,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>;
  checkout(overrides?: Parameters<typeof sampleCheckout>[0]): Promise<CheckoutAnswer>;
  close(): Promise<void>;
}

/** The API alone: real HTTP, a database of its own and a Mercado Pago of its own. No Temporal, no cluster. */
export async function openFrontDoor(env: Record<string, string> = {}): Promise<FrontDoor> {
  const [database, simulator] = await Promise.all([freshDatabase(), startMercadoPago({ webhookRetryMs: [] })]);
  const address = new URL(database.url);
  const databaseLine = await openLine(`http://${address.host}`);
  address.host = new URL(databaseLine.url).host;
  const config = loadConfig({
    ADMIN_DATABASE_URL: database.url,
    ALTA_VAULT_KEYS: `t1:${randomBytes(32).toString('base64')}`,
    MP_BASE_URL: simulator.url,
    MP_ACCESS_TOKEN: simulator.accessToken,
    MP_COLLECTOR_ID: simulator.collectorId,
    MP_LIVE_MODE: String(simulator.liveMode),
    MP_WEBHOOK_SECRETS: `s1:${simulator.webhookSecret},s0:the-older-secret`,
    MP_TIMEOUT_MS: '4000',
    NODE_ENV: 'development',
    ...env,
  });
  const db = createAdminDb(database.url, { max: 4 });
  const apiDb = createAdminDb(address.href, { role: 'intake', connectTimeoutMs: 1_000, statementTimeoutMs: 3_000 });
  const mp = createMercadoPago({ baseUrl: simulator.url, accessToken: simulator.accessToken, timeoutMs: 4_000 });
  const app = await buildApi({
    db: apiDb,
    vault: createVault(config.ALTA_VAULT_KEYS),
    mp,
    config,
    log: createLogger('test', 'silent'),
    ratePerMinute: 1_000,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${String((app.server.address() as AddressInfo).port)}`;
  config.PUBLIC_URL = url;

  const post: FrontDoor['post'] = async (path, body, headers = {}) => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>, headers: response.headers };
  };

  return {
    url,
    webhookUrl: `${url}/webhooks/mercadopago`,
    db,
    mp,
    simulator,
    config,
    databaseLine,
    post,
    sql: async <T>(text: string, values: unknown[] = []) => (await db.pool.query(text, values)).rows as T[],
    async checkout(overrides = {}) {
      const { status, body } = await post('/onboarding/checkout', sampleCheckout(overrides));
      if (status !== 201) throw new Error(`checkout answered ${String(status)}: ${JSON.stringify(body)}`);
      return body as unknown as CheckoutAnswer;
    },
    async close() {
      await app.close();
      await simulator.close();
      await Promise.all([db.close(), apiDb.close()]);
      await databaseLine.close();
      await database.drop();
    },
  };
}
