import { randomBytes } from 'node:crypto';
import {
  changeStatus,
  loadPlan,
  openDraft,
  openJob,
  registerCluster,
  reserveSlug,
  saveOnboarding,
  type AdminDb,
  type ClusterRegistration,
} from '../../adapters/admin-db/index.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';
import { sampleCheckout } from './samples.ts';

export const testVault = createVault(`t1:${randomBytes(32).toString('base64')}`);

let payments = 70_000_000;
export const nextPaymentId = (): string => String((payments += 1));

/** A draft, as a checkout leaves it. */
export async function draftAccount(
  db: AdminDb,
  overrides: Parameters<typeof sampleCheckout>[0] = {},
): Promise<{ accountId: string; slug: string }> {
  const checkout = sampleCheckout(overrides);
  return db.tx('admin-db.checkout', async (tx) => {
    const { accountId } = await openDraft(tx, checkout, await loadPlan(tx, checkout.planKey));
    await reserveSlug(tx, checkout.slug, accountId, 3_600);
    await saveOnboarding(tx, accountId, checkout);
    return { accountId, slug: checkout.slug };
  });
}

export interface PaidAccount {
  accountId: string;
  slug: string;
  jobId: string;
  paymentId: string;
}

/** A paid account with its open job. */
export async function paidAccount(db: AdminDb, overrides: Parameters<typeof sampleCheckout>[0] = {}): Promise<PaidAccount> {
  const { accountId, slug } = await draftAccount(db, overrides);
  const paymentId = nextPaymentId();
  await changeStatus(db, accountId, { from: ['draft'], to: 'paid', actor: 'test', reason: 'paid' });
  const { jobId } = await openJob(db, { accountId, paymentId, workflowId: onboardingWorkflowId(accountId) });
  return { accountId, slug, jobId, paymentId };
}

/** Registers a cluster that nobody listens on; the Admin DB does not call it. */
export async function addCluster(db: AdminDb, clusterId: string, more: Partial<ClusterRegistration> = {}): Promise<void> {
  await registerCluster(db, testVault, {
    clusterId,
    displayName: clusterId,
    url: `http://${clusterId}.example.com`,
    serviceKey: `secret-of-${clusterId}`,
    publishableKey: 'sb_publishable_test',
    ...more,
  });
}

export async function rows<T>(db: AdminDb, text: string, values: unknown[] = []): Promise<T[]> {
  return (await db.pool.query(text, values)).rows as T[];
}
