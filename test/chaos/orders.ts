import { randomUUID } from 'node:crypto';
import { saveMpCredentials } from '../../adapters/admin-db/index.ts';
import type { CheckoutAnswer } from '../../contract/checkout.ts';
import { pause } from '../../local/wait.ts';
import { sampleCheckout } from '../support/samples.ts';
import type { Ground } from './ground.ts';

const TRY_AGAIN_MS = 300;
const ANSWER_MS = 10_000;
const HALF_A_YEAR_MS = 180 * 86_400_000;

/** What a buyer went through until the order stood. */
export interface OrderTally {
  /** Checkouts that got no answer, or an error, and were sent again. */
  checkoutsRepeated: number;
  /** Of them, those that the API had written down all the same: the buyer took another name. */
  checkoutsUnheard: number;
}

/** Tries again until it succeeds: faults of the Admin DB and of the API are what this is about. `stop` ends it with the last failure. */
export async function insist<T>(
  act: () => Promise<T>,
  signal: AbortSignal,
  onFailure: (error: unknown) => void = () => undefined,
): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      onFailure(error);
      if (signal.aborted) throw error;
      await pause(TRY_AGAIN_MS);
    }
  }
}

/** Opens an order at the API as a buyer does, who sends the form again until it is answered. */
export async function openOrder(ground: Ground, tally: OrderTally, signal: AbortSignal): Promise<CheckoutAnswer> {
  let form = sampleCheckout();
  return insist(
    async () => {
      const response = await fetch(`${ground.url}/onboarding/checkout`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(form),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const text = await response.text();
      if (response.ok) return JSON.parse(text) as CheckoutAnswer;
      const { code } = JSON.parse(text) as { code?: string };
      if (code === 'SLUG_TAKEN') {
        tally.checkoutsUnheard += 1;
        form = sampleCheckout();
      }
      throw new Error(`the API answered the checkout with ${String(response.status)}: ${text}`);
    },
    signal,
    () => (tally.checkoutsRepeated += 1),
  );
}

/** Connects the order's merchant to Mercado Pago, with tokens that are canaries. */
export async function connectMerchant(ground: Ground, accountId: string, signal: AbortSignal): Promise<void> {
  const credentials = {
    accessToken: `${ground.canaries.accessToken}-${randomUUID()}`,
    refreshToken: `${ground.canaries.refreshToken}-${randomUUID()}`,
    publicKey: `public-${randomUUID()}`,
    expiresAt: new Date(Date.now() + HALF_A_YEAR_MS),
    mpUserId: '200000001',
  };
  await insist(() => saveMpCredentials(ground.db, ground.vault, accountId, credentials), signal);
}
