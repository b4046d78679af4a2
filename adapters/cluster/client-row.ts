import { z } from 'zod';
import { AltaError } from '../../contract/errors.ts';
import { compareMoney } from '../../contract/money.ts';
import { CLIENT_CONTRACT, type ClientRow } from '../../contract/projection.ts';
import { effect } from '../effect.ts';
import { rpc, type StoreContext, type UndoTarget } from './call.ts';
import type { Cluster } from './router.ts';

export type WriteOutcome = 'written' | 'same' | 'stale';

const upsertAnswer = z.object({
  outcome: z.enum(['written', 'same', 'stale']),
  created: z.boolean(),
  row: z.object({ id: z.uuid(), nv_account_id: z.uuid() }).loose(),
});

const equal = (column: keyof ClientRow, wanted: unknown, stored: unknown): boolean =>
  column === 'monthly_fee' ? compareMoney(String(wanted), String(stored)) === 0 : wanted === stored;

/**
 * Writes the contractual columns of the account's client row, fenced by `version` and stamped (P-125). A newer row stays and is
 * reported as `stale`; a repeat is `same`. A published store is not closed, unless `mayClose` (by default: when no onboarding
 * writes). The row that the cluster answers is compared with the one sent.
 *
 * Throws CLIENT_SLUG_TAKEN, WRITE_NOT_CONFIRMED, CONFLICT (the onboarding was undone meanwhile) and the codes of a cluster call.
 */
export async function upsertClient(
  cluster: Cluster,
  {
    clientId,
    jobId,
    version,
    row,
    mayClose = jobId === null,
  }: Pick<StoreContext, 'clientId' | 'jobId' | 'version'> & { row: ClientRow; mayClose?: boolean },
): Promise<{ clientId: string; outcome: WriteOutcome; created: boolean; published: boolean }> {
  const argument = { client_id: clientId, job_id: jobId, version, may_close: mayClose, row };
  const answer = await effect('cluster.upsert-client', () => rpc(cluster, 'upsert-client', 'alta_upsert_client', argument, upsertAnswer));
  const published = answer.row['publication_status'] === 'published';
  const unlike = (column: keyof ClientRow): boolean =>
    !equal(column, row[column], answer.row[column]) && !(column === 'is_active' && !mayClose && published);
  const wrong =
    answer.row.nv_account_id !== row.nv_account_id
      ? 'nv_account_id'
      : answer.outcome === 'written'
        ? CLIENT_CONTRACT.map(({ column }) => column).find(unlike)
        : undefined;
  if (wrong !== undefined) {
    throw new AltaError('WRITE_NOT_CONFIRMED', `upsert-client: cluster ${cluster.clusterId} did not store ${wrong}`, {
      details: { clusterId: cluster.clusterId, column: wrong },
    });
  }
  return { clientId: answer.row.id, outcome: answer.outcome, created: answer.created, published };
}

const undoAnswer = z.object({ outcome: z.enum(['deleted', 'marked', 'restored', 'kept', 'absent', 'published']) });

/**
 * Undoes upsertClient by stamp and leaves a tombstone: a row that `jobId` made is deleted, or marked where something refers to it
 * (P-157); what it overwrote is given back (P-151); another's row is kept. Throws CONFLICT when the store is published: that is
 * past the pivot.
 */
export async function undoClient(
  cluster: Cluster,
  { accountId, jobId, version }: UndoTarget,
): Promise<{ outcome: 'deleted' | 'marked' | 'restored' | 'kept' | 'absent' }> {
  const argument = { account_id: accountId, job_id: jobId, version };
  const { outcome } = await effect('cluster.undo-client', () =>
    rpc(cluster, 'undo-upsert-client', 'alta_undo_client', argument, undoAnswer),
  );
  if (outcome === 'published')
    throw new AltaError('CONFLICT', `undo-upsert-client: the store on cluster ${cluster.clusterId} is published`);
  return { outcome };
}

const publishAnswer = z.object({
  outcome: z.enum(['written', 'same', 'stale']),
  is_active: z.boolean(),
  publication_status: z.string(),
});

/**
 * Opens the store: active and published. Never closes one, and leaves a row that was written from a later version (`stale`).
 * Throws WRITE_NOT_CONFIRMED, NOT_FOUND and the codes of a cluster call.
 */
export async function publishClient(
  cluster: Cluster,
  { accountId, version }: Pick<StoreContext, 'accountId' | 'version'> & Partial<StoreContext>,
): Promise<{ outcome: WriteOutcome }> {
  const argument = { account_id: accountId, version };
  const answer = await effect('cluster.publish-client', () =>
    rpc(cluster, 'publish-store', 'alta_publish_client', argument, publishAnswer),
  );
  if (answer.outcome !== 'stale' && !(answer.is_active && answer.publication_status === 'published')) {
    throw new AltaError('WRITE_NOT_CONFIRMED', `publish-store: the store on cluster ${cluster.clusterId} is not open`);
  }
  return { outcome: answer.outcome };
}
