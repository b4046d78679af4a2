import { checkoutRoutes } from './checkout.ts';
import type { Context } from './context.ts';
import { createControl, type MercadoPagoControl } from './control.ts';
import { controlRoutes } from './control-routes.ts';
import { createFaultDesk } from './faults.ts';
import { listen, serve } from './http.ts';
import { oauthRoutes } from './oauth.ts';
import { paymentRoutes } from './payments.ts';
import { refundRoutes } from './refunds.ts';
import { openStore } from './store.ts';
import type { Settings, SimulatorOptions } from './types.ts';
import { createPostman } from './webhooks.ts';

export type { MercadoPagoControl } from './control.ts';
export type { SimulatorOptions } from './types.ts';

export interface Simulator {
  url: string;
  control: MercadoPagoControl;
  /** What a client of it has to be told. */
  accessToken: string;
  collectorId: string;
  clientId: string;
  clientSecret: string;
  webhookSecret: string;
  liveMode: boolean;
  /** Ends connections, webhooks on their way and planned repeats. */
  close(): Promise<void>;
}

const DEFAULTS: Settings = {
  port: 0,
  host: '127.0.0.1',
  accessToken: 'TEST-simulated-platform-token',
  collectorId: '100000001',
  clientId: '9000000001',
  clientSecret: 'simulated-client-secret',
  webhookSecret: 'simulated-webhook-secret',
  liveMode: false,
  webhookRetryMs: [1_000, 5_000, 15_000, 60_000, 300_000],
  webhookTimeoutMs: 22_000,
  webhookRetryTimeoutMs: 5_000,
};

/**
 * Starts a simulator of the Mercado Pago API as `facts/mercadopago.md` describes it. Its secrets are constants, because they
 * guard nothing. It differs on purpose in three points: test payments do send notifications, repeats come within minutes instead
 * of days, and nothing limits the rate.
 */
export async function startMercadoPago({ dataFile, ...options }: SimulatorOptions = {}): Promise<Simulator> {
  const settings: Settings = { ...DEFAULTS, ...options };
  const store = openStore(dataFile);
  const postman = createPostman(settings, store);
  const faults = createFaultDesk();
  let url = '';
  const context: Context = { settings, store, postman, url: () => url, refundStatus: { next: 'approved' } };
  const routes = [
    ...paymentRoutes(context),
    ...refundRoutes(context),
    ...checkoutRoutes(context),
    ...oauthRoutes(context),
    ...controlRoutes(context, faults),
  ];
  const server = serve(routes, store, faults);
  url = await listen(server, settings.port, settings.host);
  const { accessToken, collectorId, clientId, clientSecret, webhookSecret, liveMode } = settings;
  return {
    url,
    control: createControl(url),
    accessToken,
    collectorId,
    clientId,
    clientSecret,
    webhookSecret,
    liveMode,
    async close() {
      await postman.close();
      faults.clear();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      store.close();
    },
  };
}
