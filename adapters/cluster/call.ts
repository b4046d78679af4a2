import { z } from 'zod';
import { AltaError } from '../../contract/errors.ts';
import { classifyAuthError, classifyRestError, classifyStorageError, clusterError, type CallFacts } from './classify.ts';
import { currentSignal } from '../signal.ts';
import { recording, type Exchange } from './http.ts';
import type { Cluster } from './router.ts';

/** Who a write works for. `jobId` is the stamp of its rows (law 5); null when no onboarding writes but the account's own workflow. */
export interface StoreContext {
  accountId: string;
  clientId: string;
  jobId: string | null;
  /** Version of the account that is written: the fence. */
  version: number;
}

/** Who an undo works for: it touches only what `jobId` made. */
export interface UndoTarget {
  accountId: string;
  jobId: string;
  version: number;
}

interface Answer {
  data: unknown;
  error: unknown;
}

/**
 * Runs one supabase-js call and throws its failure classified. What was on the wire decides: an error status that the library
 * shows as success (a 404 without a body, say) is CLUSTER_BAD_ANSWER. When the caller's signal ended the call, the signal's own
 * reason is thrown, so that a cancelled activity stays recognisable as such.
 */
async function call<A extends Answer>(
  cluster: Cluster,
  act: string,
  send: () => PromiseLike<A>,
  classify: (error: unknown, facts: CallFacts) => AltaError,
  accept: (error: unknown) => boolean = () => false,
): Promise<A> {
  const record: Exchange = { status: 0, retryAfterMs: undefined };
  const facts = (): CallFacts => ({ clusterId: cluster.clusterId, act, ...record });
  const failed = (error: unknown, readWhole = false): unknown => {
    const signal = currentSignal();
    if (signal?.aborted && signal.reason instanceof Error && signal.reason.name !== 'TimeoutError') return signal.reason;
    // A body that broke off after a good status is a lost connection; one that was read to its end was no answer of a cluster.
    if (record.status < 400 && !readWhole) record.status = 0;
    return classify(error, facts());
  };
  let answer: A;
  try {
    answer = await recording(record, async () => send());
  } catch (error) {
    throw failed(error);
  }
  if (answer.error && accept(answer.error)) return answer;
  // A data call's answer tells the status itself, and 0 when its body never came; the others' answers tell none.
  if (answer.error) throw failed(answer.error, record.status > 0 && (answer as { status?: unknown }).status === record.status);
  if (record.status >= 400) throw clusterError('CLUSTER_BAD_ANSWER', facts());
  return answer;
}

/**
 * Calls one of our database functions with its one text argument and checks the answer's form. Throws the codes of
 * classifyRestError; CLUSTER_BAD_ANSWER for an answer of another form; CONFLICT when a tombstone refuses the write; NOT_FOUND when
 * the client row is absent.
 */
export async function rpc<T extends z.ZodType>(
  cluster: Cluster,
  act: string,
  name: string,
  argument: object,
  form: T,
): Promise<z.output<T>> {
  const send = (): PromiseLike<Answer> => cluster.client.rpc(name, { payload: JSON.stringify(argument) });
  const { data } = await call(cluster, act, send, classifyRestError);
  const facts = { clusterId: cluster.clusterId, act, status: 200 };
  const refusal = z.object({ outcome: z.enum(['tombstoned', 'absent', 'published']) }).safeParse(data).data?.outcome;
  if (refusal === 'tombstoned')
    throw new AltaError('CONFLICT', `${act}: this write was undone meanwhile, cluster ${cluster.clusterId} refuses it`, { details: facts });
  const read = form.safeParse(data);
  if (read.success) return read.data;
  if (refusal === 'absent')
    throw new AltaError('NOT_FOUND', `${act}: cluster ${cluster.clusterId} has no client row of this account`, { details: facts });
  throw clusterError('CLUSTER_BAD_ANSWER', facts);
}

/** Runs one read of a table and checks the answer's form. Throws the codes of classifyRestError, and CLUSTER_BAD_ANSWER. */
export async function select<T extends z.ZodType>(
  cluster: Cluster,
  act: string,
  send: () => PromiseLike<Answer>,
  form: T,
): Promise<z.output<T>> {
  const read = form.safeParse((await call(cluster, act, send, classifyRestError)).data);
  if (read.success) return read.data;
  throw clusterError('CLUSTER_BAD_ANSWER', { clusterId: cluster.clusterId, act, status: 200 });
}

const codeOf = (error: unknown): string | undefined => {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : undefined;
};

/** Runs one Auth call; an error whose code is in `expected` is an answer, given back as `code`. */
export async function auth<A extends Answer>(
  cluster: Cluster,
  act: string,
  send: () => PromiseLike<A>,
  expected: readonly string[] = [],
): Promise<{ data: A['data']; code: string | undefined }> {
  const accept = (error: unknown): boolean => expected.includes(codeOf(error) ?? '');
  const { data, error } = await call(cluster, act, send, classifyAuthError, accept);
  return { data, code: error ? codeOf(error) : undefined };
}

/** Runs one storage call and gives its data back; never null. */
export async function storage<T>(cluster: Cluster, act: string, send: () => PromiseLike<{ data: T | null; error: unknown }>): Promise<T> {
  const { data } = await call(cluster, act, send, classifyStorageError);
  if (data === null) throw clusterError('CLUSTER_BAD_ANSWER', { clusterId: cluster.clusterId, act });
  return data;
}
