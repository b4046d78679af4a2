import { createHash } from 'node:crypto';
import { z } from 'zod';
import { entitlementsSchema, type Entitlements } from '../../contract/entitlements.ts';
import { AltaError } from '../../contract/errors.ts';
import { effect } from '../effect.ts';
import { rpc, type StoreContext, type UndoTarget } from './call.ts';
import type { WriteOutcome } from './client-row.ts';
import type { Cluster } from './router.ts';

export type UndoOutcome = 'deleted' | 'restored' | 'kept' | 'absent';

const outcome = z.enum(['written', 'same', 'stale']);
const undone = z.object({ outcome: z.enum(['deleted', 'restored', 'kept', 'absent']) });

const facts = ({ accountId, jobId, version }: Pick<StoreContext, 'accountId' | 'jobId' | 'version'>): object => ({
  account_id: accountId,
  job_id: jobId,
  version,
});

/** What may be shown of credentials: SHA-256 (hex) of access token, line feed, public key. */
export const fingerprintOf = ({ accessToken, publicKey }: { accessToken: string; publicKey: string }): string =>
  createHash('sha256').update(`${accessToken}\n${publicKey}`).digest('hex');

/**
 * Stores the merchant's Mercado Pago credentials and proves it: what the cluster has stored afterwards is compared by hash
 * (P-126, P-127). Newer credentials stay (`stale`). Throws CREDENTIALS_NOT_STORED, CONFLICT, NOT_FOUND and the codes of a cluster call.
 */
export async function syncMpCredentials(
  cluster: Cluster,
  { credentials, ...context }: StoreContext & { credentials: { accessToken: string; publicKey: string } },
): Promise<{ fingerprint: string; outcome: WriteOutcome }> {
  const argument = { ...facts(context), access_token: credentials.accessToken, public_key: credentials.publicKey };
  const form = z.object({ outcome, fingerprint: z.string().nullable() });
  const answer = await effect('cluster.set-mp-credentials', () =>
    rpc(cluster, 'sync-mp-credentials', 'alta_set_mp_credentials', argument, form),
  );
  const wanted = fingerprintOf(credentials);
  if (answer.fingerprint === null || (answer.outcome !== 'stale' && answer.fingerprint !== wanted)) {
    throw new AltaError(
      'CREDENTIALS_NOT_STORED',
      `sync-mp-credentials: cluster ${cluster.clusterId} does not hold the credentials that were sent`,
      {
        details: { clusterId: cluster.clusterId },
      },
    );
  }
  return { fingerprint: answer.fingerprint, outcome: answer.outcome };
}

/** Empties both fields if `jobId` wrote them, or gives back what it overwrote (P-154, P-151). */
export function undoMpCredentials(cluster: Cluster, target: UndoTarget): Promise<{ outcome: UndoOutcome }> {
  return effect('cluster.undo-mp-credentials', () =>
    rpc(cluster, 'undo-sync-mp-credentials', 'alta_undo_mp_credentials', facts(target), undone),
  );
}

/** Writes what plan and add-ons allow, and compares what is stored (P-048). Throws WRITE_NOT_CONFIRMED, CONFLICT, NOT_FOUND and the codes of a cluster call. */
export async function setEntitlements(
  cluster: Cluster,
  { entitlements, ...context }: StoreContext & { entitlements: Entitlements },
): Promise<{ outcome: WriteOutcome }> {
  const argument = { ...facts(context), entitlements };
  const form = z.object({ outcome, entitlements: z.unknown() });
  const answer = await effect('cluster.set-entitlements', () => rpc(cluster, 'sync-entitlements', 'alta_set_entitlements', argument, form));
  const stored = entitlementsSchema.safeParse(answer.entitlements);
  if (answer.outcome === 'written' && !(stored.success && sameEntitlements(stored.data, entitlements))) {
    throw new AltaError('WRITE_NOT_CONFIRMED', `sync-entitlements: cluster ${cluster.clusterId} stored something else`, {
      details: { clusterId: cluster.clusterId },
    });
  }
  return { outcome: answer.outcome };
}

/** Takes the entitlements back if `jobId` wrote them. */
export function undoEntitlements(cluster: Cluster, target: UndoTarget): Promise<{ outcome: UndoOutcome }> {
  return effect('cluster.undo-entitlements', () => rpc(cluster, 'undo-sync-entitlements', 'alta_undo_entitlements', facts(target), undone));
}

/** Whether two entitlements mean the same; jsonb reorders keys. */
function sameEntitlements(a: Entitlements, b: Entitlements): boolean {
  const plain = ({ limits, features }: Entitlements): string =>
    JSON.stringify([Object.entries(limits).sort(([x], [y]) => (x < y ? -1 : 1)), [...features].sort()]);
  return plain(a) === plain(b);
}
