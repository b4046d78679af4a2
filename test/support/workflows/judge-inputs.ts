import type { z } from 'zod';
import type { AccountEvent } from '../../../contract/account.ts';
import { accountEventSchema } from '../../../contract/account.ts';
import { judgeAll } from '../contract-schemas.ts';

const VISITED = Symbol.for('visited by a run');

/** What the contract's schemas say inside of a workflow, and whether an earlier run of the same thread left its mark on them. */
export function judgeInputs(inputs: unknown[]): Promise<{ said: string[]; shared: boolean }> {
  const schema: z.ZodType<AccountEvent> & { [VISITED]?: boolean } = accountEventSchema;
  const shared = schema[VISITED] === true;
  schema[VISITED] = true;
  return Promise.resolve({ said: judgeAll(inputs), shared });
}
