import { startStack, type Stack, type StackOptions } from '../../local/stack.ts';
import { verify, type Violation } from '../../client/operations/verify/index.ts';
import { visitStack, type Visitor } from '../support/visitor.ts';

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

/** What the oracle finds on a ground that has come to rest. */
export async function violationsOf({ deps }: Ground): Promise<Violation[]> {
  const { violations, unseen } = await verify({ db: deps.db, clusters: deps.clusters });
  if (unseen.length > 0) throw new Error(`clusters gave no answer: ${JSON.stringify(unseen)}`);
  return violations;
}
