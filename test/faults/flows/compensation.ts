import { expect } from '@jest/globals';
import assert from 'node:assert/strict';
import { clientIdOf, ownerUserIdOf } from '../../../adapters/ids.ts';
import { eventually } from '../../support/eventually.ts';
import { flowOf } from '../flow.ts';
import type { Stage } from '../stage.ts';
import { openOrder, type Ordered } from './onboarding.ts';

interface Failed extends Ordered {
  paymentId?: string;
}

/** Lets a refund that is in process end, once it is, and waits until Alta knows. */
export async function endRefund({ world, refunds }: Stage, paymentId: string): Promise<void> {
  const row = await refunds.inState(paymentId, 'in_process', 'approved');
  if (row.state === 'in_process') await world.simulator.control.endRefund(row.mpRefundId!, 'approved');
  await refunds.inState(paymentId, 'approved');
  const { state } = (await refunds.handle(paymentId).result()) as { state: string };
  assert.equal(state, 'approved');
}

/** The money of a payment went back once, under one key, whatever was tried how often. */
export async function backOnce({ refunds }: Stage, paymentId: string): Promise<void> {
  expect(await refunds.ledger(paymentId)).toEqual(['refund.in_process', 'refund.approved']);
  assert.equal(new Set(await refunds.calls(paymentId)).size, 1);
}

/** Nothing of an account is left on any cluster, and its slot is free. */
async function nothingLeft({ world }: Stage, { id, order }: Ordered): Promise<void> {
  expect(await world.stores(id)).toEqual([]);
  for (const clusterId of world.clusterIds) {
    const { client } = await world.clusters.get(clusterId);
    const { data: user } = await client.auth.admin.getUserById(ownerUserIdOf(id, order.checkout.email));
    assert.equal(user.user, null, `an auth user is left on ${clusterId}`);
    const { data: objects } = await client.storage.from('store-assets').list(clientIdOf(id));
    assert.equal(objects?.length ?? 0, 0, `objects are left on ${clusterId}`);
  }
  const slots = await world.sql(`select 1 from placements where account_id = $1 and status in ('reserved', 'confirmed')`, [id]);
  assert.equal(slots.length, 0, 'a slot is still taken');
  const account = await world.account(id);
  assert.equal(account['status'], 'provision_failed');
  assert.equal(account['backend_cluster_id'], null);
  const [slug] = await world.sql<{ account_id: string }>('select account_id from slug_reservations where slug = $1', [order.slug]);
  assert.equal(slug?.account_id, id, 'the name is no longer kept for who paid');
}

/** A step that fails for good: everything is undone, nothing is left, and the money goes back once. */
export const compensation = flowOf<Failed>({
  name: 'compensation',
  open: openOrder,
  trouble: ({ faults }, { id }) => faults.at('cluster.set-entitlements', { mode: 'fail-after', code: 'CLUSTER_REJECTED', of: id }),
  async run(stage, subject) {
    subject.paymentId = (await stage.world.pay(subject.order)).paymentId;
    const job = await stage.job(subject.id, 'completed', 'parked', 'compensated', 'rejected');
    assert.equal(job.status, 'compensated', `the run is ${job.status}: ${job.code ?? ''}`);
    await endRefund(stage, subject.paymentId);
  },
  async check(stage, subject) {
    await nothingLeft(stage, subject);
    await backOnce(stage, subject.paymentId!);
  },
});

/** Waits for the end of an onboarding, which has to be this one. */
async function ends(stage: Stage, { id }: Ordered, status: string): Promise<void> {
  const job = await stage.job(id, 'completed', 'compensated', 'rejected');
  assert.equal(job.status, status, `the run is ${job.status}: ${job.code ?? ''}`);
}

/** A payment that is not the order's: nothing is made, and the money goes back once. */
export const rejection = flowOf<Failed>({
  name: 'rejection',
  open: openOrder,
  async run(stage, subject) {
    subject.paymentId = (await stage.world.pay(subject.order, { amount: '7' })).paymentId;
    await ends(stage, subject, 'rejected');
    await endRefund(stage, subject.paymentId);
  },
  async check(stage, subject) {
    expect(await stage.world.stores(subject.id)).toEqual([]);
    await backOnce(stage, subject.paymentId!);
  },
});

/** The money goes back while the run waits for an operator: it is undone without one, and nothing is sent back again. */
export const reversal = flowOf<Failed>({
  name: 'reversal',
  open: openOrder,
  trouble: ({ faults }, { id }) => faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED', of: id }),
  async run(stage, subject) {
    const { world } = stage;
    subject.paymentId = (await world.pay(subject.order)).paymentId;
    await stage.job(subject.id, 'parked');
    await world.simulator.control.setStatus(subject.paymentId, 'refunded');
    await ends(stage, subject, 'compensated');
  },
  async check(stage, subject) {
    await nothingLeft(stage, subject);
    expect(await stage.refunds.ledger(subject.paymentId!)).toEqual([]);
  },
});

/** An operator calls a parked run off: undone, and the money goes back once. */
export const cancellation = flowOf<Failed>({
  name: 'cancellation',
  open: openOrder,
  trouble: ({ faults }, { id }) => faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED', of: id }),
  async run(stage, subject) {
    const { world, alta } = stage;
    const { id } = subject;
    subject.paymentId = (await world.pay(subject.order)).paymentId;
    await stage.job(id, 'parked');
    await stage.insist(id, () => alta.onboardings.cancel(id, { actor: 'ana', reason: 'ordered by mistake' }));
    await ends(stage, subject, 'compensated');
    await endRefund(stage, subject.paymentId);
  },
  async check(stage, subject) {
    await nothingLeft(stage, subject);
    await backOnce(stage, subject.paymentId!);
  },
});

/** A step that fails until somebody mends what is wrong: the run waits for an operator, who has it tried again, and it is one store. */
export const parking = flowOf<Ordered>({
  name: 'parking',
  open: openOrder,
  trouble: ({ faults }, { id }) => faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED', of: id }),
  async run(stage, { id, order }) {
    const { world, faults, alta } = stage;
    await world.pay(order);
    await stage.job(id, 'parked');
    faults.at('cluster.seed-content', { mode: 'twice', times: 1, of: id });
    await stage.insist(id, async () => {
      // Whether an answer that was lost came through is told by the run itself.
      if ((await world.sql(`select 1 from provisioning_jobs where account_id = $1 and status = 'completed'`, [id])).length > 0) return;
      const { parked } = await world.progress(id);
      if (parked.length > 0) await alta.onboardings.resolve(id, { action: 'retry', actor: 'ana', reason: 'the key is right again' });
    });
    await eventually(async () => {
      const { parked } = await world.progress(id);
      if (parked.length > 0) await alta.onboardings.resolve(id, { action: 'retry', actor: 'ana', reason: 'once more' });
      return parked.length === 0;
    }, 'a run that goes on');
    await stage.job(id, 'completed');
  },
  async check({ world }, { id }) {
    assert.equal((await world.stores(id)).length, 1);
    await world.quiet(id);
  },
});
