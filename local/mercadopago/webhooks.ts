import { createHmac, randomUUID } from 'node:crypto';
import type { Store } from './store.ts';
import type { Settings } from './types.ts';

/** How notifications are sent; what is left out is done as Mercado Pago does it. */
export interface DeliveryOptions {
  /** How many copies of each, all at once. */
  copies?: number;
  /** Sends in random order instead of the given one. */
  shuffle?: boolean;
  /** Each copy has its own notification id, as `payment.created` and `payment.updated` of one payment do. */
  distinct?: boolean;
  url?: string;
  topic?: string;
  action?: string;
  /** Signs with this secret instead of the application's. */
  secret?: string;
  /** Sends a signature of the right form that fits nothing. */
  forged?: boolean;
  tsUnit?: 's' | 'ms';
  /** How long ago the signature was made, in ms; negative for the future. */
  ageMs?: number;
  /** Signs the lower-cased data.id, as the documentation says; verbatim otherwise, as the SDKs do. */
  signLowercase?: boolean;
  withoutRequestId?: boolean;
  /** Leaves data.id out of query and manifest. */
  withoutDataId?: boolean;
  /** Another data.id in the (unsigned) body than in the query. */
  bodyDataId?: string;
  /** Replaces the notification's id; null leaves it out. */
  notificationId?: number | string | null;
  /** The unsigned form `?topic=...&id=...`. */
  legacy?: boolean;
  userId?: string;
  /** Repeats what was not answered with 200 or 201; true unless forged. */
  retry?: boolean;
}

/** How one first sending ended; `status` is null where no answer came. */
export interface DeliveryReport {
  requestId: string | null;
  notificationId: string;
  status: number | null;
  ms: number;
}

export interface Target {
  dataId: string;
  url: string;
}

interface Parcel {
  target: Target;
  url: string;
  headers: Record<string, string>;
  body: string;
  requestId: string | null;
  notificationId: string;
}

export interface Postman {
  /** Resolves when every first sending has ended; repeats follow by themselves. */
  deliver(targets: readonly Target[], options?: DeliveryOptions): Promise<DeliveryReport[]>;
  /** Resolves when nothing is on its way and no repeat is planned. */
  idle(): Promise<void>;
  /** Ends what is on its way and drops planned repeats. */
  close(): Promise<void>;
}

function pack(target: Target, options: DeliveryOptions, notificationId: number | string | null, settings: Settings): Parcel {
  const { topic = 'payment', action = 'payment.updated' } = options;
  const now = Date.now() - (options.ageMs ?? 0);
  const ts = options.tsUnit === 'ms' ? String(now) : String(Math.floor(now / 1_000));
  const requestId = options.withoutRequestId === true ? null : randomUUID();
  const signedId = options.signLowercase === true ? target.dataId.toLowerCase() : target.dataId;
  const manifest = [
    options.withoutDataId === true ? '' : `id:${signedId};`,
    requestId === null ? '' : `request-id:${requestId};`,
    `ts:${ts};`,
  ].join('');
  const secret = options.forged === true ? randomUUID() : (options.secret ?? settings.webhookSecret);
  const v1 = createHmac('sha256', secret).update(manifest).digest('hex');
  const url = new URL(options.url ?? target.url);
  if (options.legacy === true) {
    url.searchParams.set('topic', topic);
    url.searchParams.set('id', target.dataId);
  } else {
    if (options.withoutDataId !== true) url.searchParams.set('data.id', target.dataId);
    url.searchParams.set('type', topic);
  }
  const body =
    options.legacy === true
      ? { resource: `/v1/${topic}s/${target.dataId}`, topic }
      : {
          action,
          api_version: 'v1',
          data: { id: options.bodyDataId ?? target.dataId },
          date_created: new Date().toISOString(),
          ...(notificationId === null ? {} : { id: notificationId }),
          live_mode: settings.liveMode,
          type: topic,
          user_id: options.userId ?? Number(settings.collectorId),
        };
  const signature = options.legacy === true ? {} : { 'x-signature': `ts=${ts},v1=${v1}` };
  return {
    target,
    url: url.href,
    headers: {
      'content-type': 'application/json',
      'user-agent': options.legacy === true ? `MercadoPago Feed v2.0 ${topic}` : `MercadoPago WebHook v1.0 ${topic}`,
      ...(requestId === null ? {} : { 'x-request-id': requestId }),
      ...signature,
    },
    body: JSON.stringify(body),
    requestId,
    notificationId: String(notificationId),
  };
}

/** Sends webhooks over kept-alive connections. A repeat carries its first `ts` and request id, the harsher of the unknown cases. */
export function createPostman(settings: Settings, store: Store): Postman {
  const stop = new AbortController();
  const timers = new Set<NodeJS.Timeout>();
  let busy = 0;
  let waiting: (() => void)[] = [];
  const settle = (): void => {
    if (busy > 0 || timers.size > 0) return;
    for (const wake of waiting) wake();
    waiting = [];
  };

  const idle = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      settle();
    });

  async function send(parcel: Parcel, attempt: number): Promise<DeliveryReport> {
    const timeout = attempt === 0 ? settings.webhookTimeoutMs : settings.webhookRetryTimeoutMs;
    const from = performance.now();
    let status: number | null = null;
    try {
      const response = await fetch(parcel.url, {
        method: 'POST',
        redirect: 'manual',
        headers: { ...parcel.headers, 'x-retry': String(attempt), 'x-socket-timeout': String(timeout) },
        body: parcel.body,
        signal: AbortSignal.any([AbortSignal.timeout(timeout), stop.signal]),
      });
      await response.arrayBuffer();
      ({ status } = response);
    } catch {
      // No answer: the ledger shows it as status null.
    }
    const { requestId, notificationId } = parcel;
    const ms = Math.round(performance.now() - from);
    store.record({ kind: 'webhook', paymentId: parcel.target.dataId, notificationId, requestId, attempt, status, ms });
    return { requestId, notificationId, status, ms };
  }

  async function sendAndPlan(parcel: Parcel, attempt: number, retry: boolean): Promise<DeliveryReport> {
    busy += 1;
    const report = await send(parcel, attempt);
    const wait = settings.webhookRetryMs[attempt];
    if (retry && wait !== undefined && report.status !== 200 && report.status !== 201 && !stop.signal.aborted) {
      const timer = setTimeout(() => {
        void sendAndPlan(parcel, attempt + 1, retry);
        timers.delete(timer);
      }, wait);
      timers.add(timer);
    }
    busy -= 1;
    settle();
    return report;
  }

  return {
    async deliver(targets, options = {}) {
      const parcels = targets.flatMap((target) => {
        const shared = options.notificationId === undefined ? store.nextId() : options.notificationId;
        return Array.from({ length: options.copies ?? 1 }, () =>
          pack(target, options, options.distinct === true ? store.nextId() : shared, settings),
        );
      });
      const order = new Map(parcels.map((parcel) => [parcel, Math.random()]));
      if (options.shuffle === true) parcels.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
      const retry = options.retry ?? options.forged !== true;
      return Promise.all(parcels.map((parcel) => sendAndPlan(parcel, 0, retry)));
    },
    idle,
    close() {
      stop.abort();
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      return idle();
    },
  };
}
