import { startStack, type Stack, type StackOptions } from '../../local/stack.ts';
import { verify, type Violation } from '../../client/operations/verify/index.ts';
import { waitUntil } from '../../local/wait.ts';
import { openOrders } from '../bench/orders.ts';
import { inTurns } from '../support/in-turns.ts';
import { visitStack, type Visitor } from '../support/visitor.ts';

/** Orders that are paid at the same time. */
const PAYING = 8;
/** A machine that needs longer for a store is not waited for, ms. */
const SLOWEST_MS = 1_000;

export interface Ground extends Visitor {
  stack: Stack;
  note: (text: string) => void;
}

/** Runs a burst on a stack of its own, whose work is done by Alta's own processes, and leaves nothing running. */
export async function onGround<T>(
  note: (text: string) => void,
  options: Pick<StackOptions, 'dynamicConfig' | 'clusterIds' | 'env' | 'services'>,
  act: (ground: Ground) => Promise<T>,
): Promise<T> {
  const stack = await startStack({
    services: ['worker', 'api', 'relay'],
    ...options,
    ephemeral: true,
    env: { LOG_LEVEL: 'warn', ...options.env },
    onPart: ({ part, state, text }) => {
      if (state === 'note' && text !== undefined) note(`${part}: ${text}`);
    },
  });
  try {
    const visitor = await visitStack(stack, 'burst');
    try {
      return await act({ ...visitor, stack, note });
    } finally {
      await visitor.close();
    }
  } finally {
    await stack.close();
  }
}

/** So many stores, each of an order that was paid. Resolves when all of them stand and nothing is on its way. */
export async function openStores(ground: Ground, count: number): Promise<string[]> {
  const orders = await openOrders(ground.deps, count);
  await inTurns(PAYING, orders, ({ preferenceId }) => ground.mercadoPago.pay(preferenceId));
  await waitUntil(
    'a store of every order',
    async () => {
      const [row] = await ground.db.query<{ done: number }>({
        name: 'burst.done',
        text: `select count(*)::int as done from provisioning_jobs where status = 'completed'`,
      });
      return row?.done === count;
    },
    { everyMs: 500, timeoutMs: 60_000 + count * SLOWEST_MS },
  );
  await ground.emptyOutbox(600_000);
  return orders.map(({ accountId }) => accountId);
}

/** What the oracle finds on a ground that has come to rest. */
export async function violationsOf({ deps, note }: Ground): Promise<Violation[]> {
  const { violations, unseen } = await verify({ db: deps.db, clusters: deps.clusters });
  if (unseen.length > 0) throw new Error(`clusters gave no answer: ${JSON.stringify(unseen)}`);
  for (const { law, row, what } of violations) note(`${law}: ${row} ${what}`);
  return violations;
}
