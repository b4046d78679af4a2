import { findConnection } from '../../adapters/admin-db/index.ts';
import { messageOf, pause, waitUntil } from '../../local/wait.ts';
import { findingsOf, inspect } from '../support/oracle.ts';
import { define, NOTHING, type Definition } from './command.ts';
import { differences } from './compare.ts';
import { bought, ends, isOpen, paidBack, type Model } from './model.ts';
import type { Real } from './real.ts';
import { calm, rest } from './rest.ts';
import { order } from './stores.ts';

/** The oracle looks again after so long before it names anything: a run closes a moment after its last word, ms. */
const AGAIN_MS = 2_000;
const LOOKS = 3;
/** The last word about a run is written a moment before the rows that hang on it, ms. */
const PATIENCE_MS = 60_000;
/** Newest histories that are opened and searched for secrets. */
const HISTORIES = 100;

export interface Patience {
  /** How long a difference may stand once all is quiet, ms. */
  patienceMs?: number;
}

/** Where two people were at it at once: which of the allowed ends it came to. From here on the model knows. */
async function narrow({ accounts }: Model, real: Real): Promise<void> {
  for (const account of accounts) {
    const allowed = ends(account);
    const stands = allowed.length > 1 ? (await real.world.stores(real.idOf(account))).length > 0 : allowed[0] === 'store';
    // What was called off was paid back by the operator who was asked.
    if (!stands && account.calledOff !== 'no') for (const payment of bought(account)) payment.state = 'returned';
    account.stands = stands;
    account.wavering = false;
    account.calledOff = 'no';
  }
}

/** Open stores whose money went back are on a list; an operator closes them. */
function closePaidBack({ accounts }: Model, real: Real): void {
  for (const account of accounts) if (account.stands && isOpen(account) && paidBack(account)) order(account, real, { action: 'cancel' });
}

/** What the oracle names of this run's accounts: the clusters are shared with other runs. */
async function named(real: Real, histories: number): Promise<string[]> {
  const mine = new Set(real.orders.map(({ accountId }) => accountId));
  for (let look = 1; ; look += 1) {
    const broken = findingsOf(await inspect(real.world, { histories }), mine);
    if (broken.length === 0 || look === LOOKS) return broken;
    await pause(AGAIN_MS);
  }
}

/** Ends the faults, waits until all is quiet, and holds what stands against the model and the laws. Throws with everything that is wrong. */
export async function settle(model: Model, real: Real, { histories = 0, patienceMs = PATIENCE_MS } = {}): Promise<void> {
  const wrong: string[] = [];
  try {
    await calm(model, real);
    await rest(real);
    await narrow(model, real);
    closePaidBack(model, real);
    await rest(real);
    let differ: string[] = [];
    const fits = async (): Promise<boolean> => {
      differ = await differences(model, real);
      return differ.length === 0;
    };
    await waitUntil('what the model says', fits, { timeoutMs: patienceMs, everyMs: 500 }).catch(() => wrong.push(...differ));
    wrong.push(...(await named(real, histories)));
  } catch (error) {
    wrong.push(messageOf(error));
  }
  wrong.push(...real.people.wrong, ...real.processes.died);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  for (const account of model.accounts) {
    account.consent = (await findConnection(real.world.db, real.idOf(account)))?.state ?? 'none';
    account.tokenCall = false;
    account.asked = 0;
  }
  model.disturbed = false;
}

/** The last one of a run also searches histories for secrets. */
export const settleAtEnd = (model: Model, real: Real, patience: Patience = {}): Promise<void> =>
  settle(model, real, { histories: HISTORIES, ...patience });

export const SETTLE: Definition = define({
  kind: 'settle',
  args: NOTHING,
  can: ({ payments }) => payments > 0,
  act: (model, real) => settle(model, real),
});
