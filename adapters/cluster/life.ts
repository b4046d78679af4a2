import { z } from 'zod';
import { AltaError } from '../../contract/errors.ts';
import type { SettingsPatch } from '../../contract/settings.ts';
import { effect } from '../effect.ts';
import { rpc, type StoreContext } from './call.ts';
import type { WriteOutcome } from './client-row.ts';
import type { Cluster } from './router.ts';

const outcome = z.enum(['written', 'same', 'stale']);

/**
 * Sets the named settings of a store and takes off those that are null; the merchant's other ones stay (P-217). What the cluster has
 * stored afterwards is compared. Throws WRITE_NOT_CONFIRMED, CONFLICT, NOT_FOUND and the codes of a cluster call.
 */
export async function setSettings(
  cluster: Cluster,
  { accountId, clientId, version, settings }: Pick<StoreContext, 'accountId' | 'clientId' | 'version'> & { settings: SettingsPatch },
): Promise<{ outcome: WriteOutcome }> {
  const argument = { account_id: accountId, client_id: clientId, version, settings };
  const form = z.object({ outcome, settings: z.record(z.string(), z.unknown()) });
  const answer = await effect('cluster.set-settings', () => rpc(cluster, 'sync-settings', 'alta_set_settings', argument, form));
  const unlike = Object.entries(settings).find(([key, value]) => (answer.settings[key] ?? null) !== value);
  if (answer.outcome === 'written' && unlike !== undefined) {
    throw new AltaError('WRITE_NOT_CONFIRMED', `sync-settings: cluster ${cluster.clusterId} did not store ${unlike[0]}`, {
      details: { clusterId: cluster.clusterId, key: unlike[0] },
    });
  }
  return { outcome: answer.outcome };
}

/**
 * Empties both credential fields of a store and proves it (P-073, P-313). Newer credentials stay (`stale`). Throws WRITE_NOT_CONFIRMED,
 * CONFLICT, NOT_FOUND and the codes of a cluster call.
 */
export async function clearMpCredentials(
  cluster: Cluster,
  { accountId, version }: Pick<StoreContext, 'accountId' | 'version'>,
): Promise<{ outcome: WriteOutcome }> {
  const argument = { account_id: accountId, job_id: null, version, access_token: null, public_key: null };
  const form = z.object({ outcome, fingerprint: z.string().nullable() });
  const answer = await effect('cluster.clear-mp-credentials', () =>
    rpc(cluster, 'clear-mp-credentials', 'alta_set_mp_credentials', argument, form),
  );
  if (answer.outcome === 'written' && answer.fingerprint !== null) {
    throw new AltaError('WRITE_NOT_CONFIRMED', `clear-mp-credentials: cluster ${cluster.clusterId} still holds credentials`, {
      details: { clusterId: cluster.clusterId },
    });
  }
  return { outcome: answer.outcome };
}

/**
 * Closes a store for good: shut, marked as deleted, without credentials; everything else in it stays (P-307). It leaves tombstones, so
 * that a write of an earlier version which comes late is refused; a store of a later version stays as it is (`stale`). A store that is
 * not there needs no closing. Throws WRITE_NOT_CONFIRMED and the codes of a cluster call.
 */
export async function deleteClient(
  cluster: Cluster,
  { accountId, version }: Pick<StoreContext, 'accountId' | 'version'>,
): Promise<{ outcome: WriteOutcome | 'absent' }> {
  const form = z.object({
    outcome: z.enum(['written', 'same', 'stale', 'absent']),
    is_active: z.boolean().nullable(),
    deleted_at: z.string().nullable(),
    fingerprint: z.string().nullable(),
  });
  const answer = await effect('cluster.delete-client', () =>
    rpc(cluster, 'delete-client', 'alta_delete_client', { account_id: accountId, version }, form),
  );
  const shut = answer.is_active === false && answer.deleted_at !== null && answer.fingerprint === null;
  if ((answer.outcome === 'written' || answer.outcome === 'same') && !shut) {
    throw new AltaError('WRITE_NOT_CONFIRMED', `delete-client: the store on cluster ${cluster.clusterId} is not shut`, {
      details: { clusterId: cluster.clusterId },
    });
  }
  return { outcome: answer.outcome };
}
