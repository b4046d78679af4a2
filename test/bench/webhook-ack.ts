import { createHmac, randomUUID } from 'node:crypto';
import type { Ground } from './ground.ts';

/** A signed notification of one payment, a new delivery each time. */
function notification({ stack }: Ground, paymentId: string): { url: URL; init: RequestInit } {
  const url = new URL('/webhooks/mercadopago', stack.apiUrl);
  url.searchParams.set('data.id', paymentId);
  url.searchParams.set('type', 'payment');
  const requestId = randomUUID();
  const ts = String(Date.now());
  const v1 = createHmac('sha256', stack.mercadoPago.webhookSecret)
    .update(`id:${paymentId};request-id:${requestId};ts:${ts};`)
    .digest('hex');
  return {
    url,
    init: {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': requestId, 'x-signature': `ts=${ts},v1=${v1}` },
      body: JSON.stringify({ id: nextId(), action: 'payment.updated', type: 'payment', data: { id: paymentId } }),
    },
  };
}

let last = 900_000_000;
const nextId = (): number => (last += 1);

/** Whether the notification was taken in. */
async function send(ground: Ground, paymentId: string): Promise<boolean> {
  const { url, init } = notification(ground, paymentId);
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return response.status === 200;
}

/** Sends so many notifications over one kept-alive connection, each as soon as the last is answered, and says how long each answer took, ms. */
export async function measureWebhookAck(ground: Ground, paymentId: string, count: number): Promise<number[]> {
  const answers: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const from = performance.now();
    if (!(await send(ground, paymentId))) throw new Error('a webhook was refused');
    answers.push(performance.now() - from);
  }
  return answers;
}

export interface AckLoad {
  perSecond: number;
  seconds: number;
}

export interface Acks {
  /** Time of every answer, ms. */
  answers: number[];
  /** Answers other than 200. */
  refused: number;
}

/**
 * Sends notifications at a steady rate, whether or not earlier ones are answered, and says how long each answer took, ms, counted from
 * the moment at which it was due: a slow server can't hide by slowing the sender.
 */
export async function measureAckLoad(ground: Ground, paymentId: string, { perSecond, seconds }: AckLoad): Promise<Acks> {
  const began = performance.now();
  const answers: Promise<number>[] = [];
  let refused = 0;
  const one = async (due: number): Promise<number> => {
    if (!(await send(ground, paymentId))) refused += 1;
    return performance.now() - due;
  };
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      for (;;) {
        if (answers.length === perSecond * seconds) {
          clearInterval(timer);
          return resolve();
        }
        const due = began + (answers.length * 1_000) / perSecond;
        if (due > performance.now()) return undefined;
        answers.push(one(due));
      }
    }, 1);
  });
  return { answers: await Promise.all(answers), refused };
}
