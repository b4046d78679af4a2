import { createHmac, randomUUID } from 'node:crypto';
import type { Ground } from './ground.ts';

/** Sends so many signed notifications of one payment over one kept-alive connection, each as soon as the last is answered, and says how long each answer took, ms. */
export async function measureWebhookAck({ stack }: Ground, paymentId: string, count: number): Promise<number[]> {
  const answers: number[] = [];
  const url = new URL('/webhooks/mercadopago', stack.apiUrl);
  url.searchParams.set('data.id', paymentId);
  url.searchParams.set('type', 'payment');
  for (let index = 0; index < count; index += 1) {
    const requestId = randomUUID();
    const ts = String(Date.now());
    const v1 = createHmac('sha256', stack.mercadoPago.webhookSecret)
      .update(`id:${paymentId};request-id:${requestId};ts:${ts};`)
      .digest('hex');
    const body = JSON.stringify({ id: 900_000_000 + index, action: 'payment.updated', type: 'payment', data: { id: paymentId } });
    const from = performance.now();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': requestId, 'x-signature': `ts=${ts},v1=${v1}` },
      body,
    });
    await response.arrayBuffer();
    answers.push(performance.now() - from);
    if (response.status !== 200) throw new Error(`the webhook was answered with ${response.status}`);
  }
  return answers;
}
