import { createActivities, type ActivityDeps } from '../../activities/index.ts';
import { loadAssets, loadSnapshot, openJob } from '../../adapters/admin-db/index.ts';
import { putAssets } from '../../adapters/cluster/index.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';

/**
 * The calls of an onboarding as a plain script would make them: the same reads and writes at Mercado Pago, Admin DB, cluster and mail
 * server, in the same order and waves, by the same code. No webhook, no relay, no Temporal, no ledger of steps, no retries, no undo:
 * killed in the middle, it leaves half a store.
 */
export function plainScript(deps: ActivityDeps): (order: { accountId: string; paymentId: string }) => Promise<void> {
  const activities = createActivities(deps);
  return async ({ accountId, paymentId }) => {
    const workflowId = onboardingWorkflowId(accountId);
    const { jobId } = await deps.db.tx('bench.open-job', (tx) => openJob(tx, { accountId, paymentId, workflowId }));
    const context = { accountId, jobId, paymentId };
    await activities['verify-payment'](context);
    const [, { clusterId }] = await Promise.all([activities['claim-slug'](context), activities['reserve-placement'](context)]);
    if (clusterId === null) throw new Error('no cluster has room');
    const { clientId } = await activities['upsert-client']({ ...context, clusterId });
    const store = { ...context, clusterId, clientId };
    // As the activity does, which wants a Temporal context to heartbeat to.
    const migrateAssets = async (): Promise<void> => {
      const [{ version }, cluster, assets] = await Promise.all([
        loadSnapshot(deps.db, accountId),
        deps.clusters.get(clusterId),
        loadAssets(deps.db, accountId),
      ]);
      await putAssets(cluster, { accountId, clientId, jobId, version, ...assets });
    };
    await Promise.all([
      activities['create-admin-user'](store),
      activities['sync-mp-credentials'](store),
      activities['seed-content'](store),
      migrateAssets(),
      activities['sync-entitlements'](store),
    ]);
    await activities.activate(store);
    await Promise.all([activities['publish-store'](store), activities.notify(store)]);
    await activities['end-job']({ ...context, state: 'completed' });
  };
}
