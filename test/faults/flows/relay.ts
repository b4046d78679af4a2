import { expect } from '@jest/globals';
import { isAltaError } from '../../../contract/errors.ts';
import { expectOneStore } from '../../support/one-store.ts';
import { eventually } from '../../support/eventually.ts';
import { flowOf } from '../flow.ts';
import { openOrder, type Ordered } from './onboarding.ts';

/** A delivery that Temporal pushes back, then one that fails until it is a dead letter, which an operator has delivered again. */
export const trouble = flowOf<Ordered>({
  name: 'relay in trouble',
  open: openOrder,
  trouble({ faults }, { id }) {
    faults.at('temporal.start-onboarding', { mode: 'fail-before', code: 'TEMPORAL_UNAVAILABLE', times: 1, of: id });
    faults.at('relay.deliver', { mode: 'fail-before', code: 'INTERNAL', skip: 1, times: 5, of: id });
  },
  async run(stage, { id, order }) {
    const { world, alta } = stage;
    const { paymentId } = await world.pay(order);
    const dead = (): Promise<{ id: string }[]> =>
      world.sql<{ id: string }>(`select id from outbox where status = 'failed' and payload ->> 'paymentId' = $1`, [paymentId]);
    const started = async (): Promise<boolean> =>
      (await world.sql(`select 1 from provisioning_jobs where account_id = $1 and status <> 'queued'`, [id])).length > 0;
    // A fault may take the place of one of the failures, and the order is started before it is given up.
    await eventually(async () => (await dead()).length > 0 || (await started()), 'a dead letter', 240_000);
    await stage.insist(id, async () => {
      const ids = (await dead()).map((row) => row.id);
      if (ids.length === 0) return;
      await alta.outbox.retry({ ids }, { actor: 'ana', reason: 'mended' }).catch((error: unknown) => {
        // Sent twice, the second finds that a relay has it already.
        if (!isAltaError(error) || error.code !== 'RESOLVE_REFUSED') throw error;
      });
    });
    await stage.job(id, 'completed', 'parked', 'compensated', 'rejected');
  },
  async check({ world }, { id, order }) {
    await expectOneStore(world, order);
    await world.quiet(id);
    const open = await world.sql(`select 1 from outbox where account_id = $1 and status not in ('completed')`, [id]);
    expect(open).toEqual([]);
  },
});

/** What a relay does for nobody in particular: its claims. */
export const claims = flowOf<Ordered>({
  name: 'relay claims',
  open: openOrder,
  unattributed: ['admin-db.claim-outbox'],
  async run(stage, { id, order }) {
    await stage.world.pay(order);
    await stage.job(id, 'completed', 'parked', 'compensated', 'rejected');
    await eventually(() => stage.faults.spent('admin-db.claim-outbox') || stage.faults.passed.includes('admin-db.claim-outbox'), 'a claim');
  },
  check: ({ world }, { order }) => expectOneStore(world, order),
});
