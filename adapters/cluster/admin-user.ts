import { z } from 'zod';
import type { User } from '@supabase/supabase-js';
import { AltaError } from '../../contract/errors.ts';
import { effect } from '../effect.ts';
import { ownerUserIdOf } from '../ids.ts';
import { auth, rpc, type StoreContext, type UndoTarget } from './call.ts';
import type { Cluster } from './router.ts';

const putAnswer = z.object({ outcome: z.literal('written'), role: z.literal('admin'), created: z.boolean() });
const undoAnswer = z.object({ outcome: z.enum(['deleted', 'kept']), elsewhere: z.boolean() });

const plainEmail = (email: string): string => email.normalize('NFKC').trim().toLowerCase();

/** The auth user of this id; null when the cluster has none. */
async function findUser(cluster: Cluster, act: string, userId: string): Promise<User | null> {
  const { data, code } = await auth(cluster, act, () => cluster.client.auth.admin.getUserById(userId), ['user_not_found']);
  return code === undefined ? data.user : null;
}

/**
 * Creates the owner's auth user under an id derived from account and e-mail, and its `users` row with role admin (P-129, P-130).
 * A user that is there already under that id is ours: an earlier try made it, or an earlier onboarding of this account. A create
 * that ended in 5xx, in a cut connection or in "exists" is judged by looking. No password is set: the owner gets a recovery link.
 *
 * Throws EMAIL_TAKEN when somebody else's user has the e-mail, AUTH_USER_INVALID, WRITE_NOT_CONFIRMED, CONFLICT, NOT_FOUND and the
 * codes of a cluster call. `created` tells whether this onboarding made the user.
 */
export async function createAdminUser(
  cluster: Cluster,
  { accountId, clientId, jobId, version, email: given }: StoreContext & { email: string },
): Promise<{ userId: string; created: boolean }> {
  const email = plainEmail(given);
  const userId = ownerUserIdOf(accountId, email);
  const user = await effect('cluster.create-auth-user', () => createOrFind(cluster, { accountId, jobId, email, userId }));
  const created = user.app_metadata['onboarding_id'] === jobId;
  const argument = { account_id: accountId, client_id: clientId, job_id: jobId, version, user_id: userId, email };
  try {
    await effect('cluster.put-admin-user', () => rpc(cluster, 'create-admin-user', 'alta_put_admin_user', argument, putAnswer));
  } catch (error) {
    // Undone meanwhile: this late user must not stay behind.
    if (created && error instanceof AltaError && error.code === 'CONFLICT')
      await effect('cluster.delete-auth-user', () => deleteUser(cluster, userId));
    throw error;
  }
  return { userId, created };
}

async function createOrFind(
  cluster: Cluster,
  { accountId, jobId, email, userId }: { accountId: string; jobId: string | null; email: string; userId: string },
): Promise<User> {
  const act = 'create-admin-user';
  const attributes = { id: userId, email, email_confirm: true, app_metadata: { tenant_id: accountId, onboarding_id: jobId } };
  let failure: AltaError | undefined;
  try {
    const { data, code } = await auth(cluster, act, () => cluster.client.auth.admin.createUser(attributes), ['email_exists']);
    if (code === undefined) {
      if (data.user?.id === userId) return data.user;
      throw new AltaError('WRITE_NOT_CONFIRMED', `${act}: cluster ${cluster.clusterId} made the user under another id`, {
        details: { clusterId: cluster.clusterId, userId },
      });
    }
  } catch (error) {
    // A lost answer or a 5xx may hide a user that was made, also by a run beside this one.
    if (!(error instanceof AltaError) || error.code !== 'CLUSTER_UNREACHABLE') throw error;
    failure = error;
  }
  const found = await findUser(cluster, act, userId);
  if (found !== null) {
    if (plainEmail(found.email ?? '') === email && found.app_metadata['tenant_id'] === accountId) return found;
    throw new AltaError('WRITE_NOT_CONFIRMED', `${act}: the user under the owner's id on cluster ${cluster.clusterId} is not the owner`, {
      details: { clusterId: cluster.clusterId, userId },
    });
  }
  if (failure) throw failure;
  throw new AltaError('EMAIL_TAKEN', `${act}: another user of cluster ${cluster.clusterId} has this e-mail`, {
    details: { clusterId: cluster.clusterId },
  });
}

async function deleteUser(cluster: Cluster, userId: string): Promise<void> {
  await auth(cluster, 'undo-create-admin-user', () => cluster.client.auth.admin.deleteUser(userId), ['user_not_found']);
}

/**
 * Deletes the `users` row by stamp, then the auth user if this onboarding made it and it serves no other store (P-155). Nothing
 * there is fine.
 */
export async function undoAdminUser(
  cluster: Cluster,
  { accountId, jobId, version, email }: UndoTarget & { email: string },
): Promise<{ outcome: 'deleted' | 'kept' | 'absent' }> {
  const act = 'undo-create-admin-user';
  const userId = ownerUserIdOf(accountId, plainEmail(email));
  const argument = { account_id: accountId, job_id: jobId, version, user_id: userId };
  const { elsewhere } = await effect('cluster.undo-admin-user', () => rpc(cluster, act, 'alta_undo_admin_user', argument, undoAnswer));
  return effect('cluster.delete-auth-user', async () => {
    const user = await findUser(cluster, act, userId);
    if (user === null) return { outcome: 'absent' };
    if (elsewhere || user.app_metadata['onboarding_id'] !== jobId) return { outcome: 'kept' };
    await deleteUser(cluster, userId);
    return { outcome: 'deleted' };
  });
}

/**
 * A one-time link with which the owner sets a password; whoever holds it is the owner, so it is never logged or stored. Throws
 * NOT_FOUND when the cluster has no such user, and the codes of a cluster call.
 */
export async function recoveryLink(cluster: Cluster, { email, redirectTo }: { email: string; redirectTo: string }): Promise<string> {
  const { data, code } = await effect('cluster.recovery-link', () =>
    auth(
      cluster,
      'notify',
      () => cluster.client.auth.admin.generateLink({ type: 'recovery', email: plainEmail(email), options: { redirectTo } }),
      ['user_not_found'],
    ),
  );
  const link = code === undefined ? data.properties?.action_link : undefined;
  if (link === undefined) throw new AltaError('NOT_FOUND', `notify: cluster ${cluster.clusterId} has no user with the owner's e-mail`);
  return link;
}
