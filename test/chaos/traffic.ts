import { pause } from '../../local/wait.ts';
import { between } from '../support/random.ts';
import type { Ground } from './ground.ts';
import { connectMerchant, openOrder, type OrderTally } from './orders.ts';

export const MANNERS = ['plain', 'duplicated', 'shuffled', 'lost'] as const;
/** How the news of a payment travels. `shuffled`: a later notification first, the first one seconds later; `lost`: never. */
export type Manner = (typeof MANNERS)[number];

export interface PaidOrder {
  accountId: string;
  paymentId: string;
  manner: Manner;
  /** By this machine's clock, ms. */
  paidAt: number;
}

export interface Traffic {
  /** Grows while orders are paid. */
  readonly paid: PaidOrder[];
  readonly tally: OrderTally & Record<Manner, number>;
  /** Resolves when every order is paid and every webhook was sent once. */
  done: Promise<void>;
}

export interface TrafficOptions {
  orders: number;
  /** Over which the orders come, ms; evenly, each at some moment of its share. */
  overMs: number;
  /** Shares of the webhooks. */
  duplicated: number;
  shuffled: number;
  lost: number;
}

interface Buyer {
  atMs: number;
  manner: Manner;
  copies: number;
  distinct: boolean;
  lateMs: number;
}

function planBuyers(random: () => number, { orders, overMs, duplicated, shuffled, lost }: TrafficOptions): Buyer[] {
  const manners: Manner[] = [];
  for (const [manner, share] of Object.entries({ duplicated, shuffled, lost }))
    manners.push(...Array.from({ length: Math.round(orders * share) }, () => manner as Manner));
  while (manners.length < orders) manners.push('plain');
  return Array.from({ length: orders }, (_, index) => ({
    atMs: ((index + random()) * overMs) / orders,
    manner: manners.splice(Math.floor(random() * manners.length), 1)[0] ?? 'plain',
    copies: random() < 0.5 ? 2 : 3,
    distinct: random() < 0.5,
    lateMs: between(random, 500, 8_000),
  }));
}

/** Buyers who order, connect their Mercado Pago account and pay, and the notifications of their payments. */
export function startTraffic(ground: Ground, random: () => number, options: TrafficOptions, signal: AbortSignal): Traffic {
  const { mercadoPago } = ground;
  const tally = { checkoutsRepeated: 0, checkoutsUnheard: 0, plain: 0, duplicated: 0, shuffled: 0, lost: 0 };
  const paid: PaidOrder[] = [];

  async function tell(paymentId: string, { manner, copies, distinct, lateMs }: Buyer): Promise<void> {
    if (manner === 'plain') await mercadoPago.deliver({ paymentId, action: 'payment.created' });
    if (manner === 'duplicated') await mercadoPago.deliver({ paymentId, action: 'payment.created', copies, distinct });
    if (manner === 'shuffled') {
      const late = pause(lateMs).then(() => mercadoPago.deliver({ paymentId, action: 'payment.created' }));
      await Promise.all([mercadoPago.deliver({ paymentId, action: 'payment.updated' }), late]);
    }
  }

  async function buy(buyer: Buyer): Promise<void> {
    await pause(buyer.atMs);
    const { accountId, preferenceId } = await openOrder(ground, tally, signal);
    await connectMerchant(ground, accountId, signal);
    const { paymentId } = await mercadoPago.pay(preferenceId, { notify: false });
    paid.push({ accountId, paymentId, manner: buyer.manner, paidAt: Date.now() });
    tally[buyer.manner] += 1;
    await tell(paymentId, buyer);
  }

  const done = Promise.all(planBuyers(random, options).map(buy)).then(() => undefined);
  done.catch(() => undefined);
  return { paid, tally, done };
}
