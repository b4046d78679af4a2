import assert from 'node:assert/strict';
import { WorkflowNotFoundError } from '@temporalio/client';
import { loadTokens, type Connection } from '../../../adapters/admin-db/index.ts';
import { credentialsWorkflowId } from '../../../contract/ids.ts';
import { SUBJECT_HEADER } from '../../support/attribution.ts';
import { inState, sameOnCluster } from '../../support/consent.ts';
import { eventually } from '../../support/eventually.ts';
import { flowOf, troubled, type Flow } from '../flow.ts';
import type { Stage } from '../stage.ts';
import type { Ordered } from './onboarding.ts';

export interface Connected extends Ordered {
  sellerId: string;
}

/** The seller agrees on the page of a link, and comes back to Alta until it answers; a link that was used up is made anew. */
async function agree(stage: Stage, { id }: Ordered): Promise<void> {
  const { world, alta } = stage;
  const connectedBefore = (await connection(stage, id))?.credentialVersion ?? 0;
  for (let tries = 1; ; tries += 1) {
    const { url } = await stage.insist(id, () => alta.credentials.link(id, { actor: 'ana' }));
    const page = await fetch(url, { redirect: 'manual' });
    const back = page.headers.get('location')!;
    for (let visits = 1; visits <= 3; visits += 1) {
      const { status } = await fetch(back, { headers: { [SUBJECT_HEADER]: id } });
      if (status < 500) break;
    }
    // Whether the code was turned into tokens, or is lost with its answer, is what the run leaves behind.
    await eventually(
      async () => (await world.sql(`select 1 from mp_authorizations where account_id = $1 and status = 'answered'`, [id])).length === 0,
      'an ended consent',
      240_000,
    );
    const now = await connection(stage, id);
    if (now?.state === 'connected' && now.credentialVersion > connectedBefore) return;
    assert.ok(tries < 4, `the seller agreed ${String(tries)} times, and is ${now?.state ?? 'not connected'}`);
  }
}

async function connection({ world, alta }: Stage, id: string): Promise<Connection | null> {
  const known = await world.sql('select 1 from mp_connections where account_id = $1', [id]);
  return known.length === 0 ? null : alta.credentials.show(id);
}

/** Whether the token that Alta holds is honoured by Mercado Pago. */
async function counts({ world }: Stage, id: string): Promise<boolean> {
  const tokens = await loadTokens(world.db, world.vault, id);
  if (tokens === null) return false;
  const answer = await fetch(`${world.simulator.url}/users/me`, { headers: { authorization: `Bearer ${tokens.accessToken}` } });
  return answer.ok;
}

/** Waits until nothing that was asked about a consent is under way. */
export async function idle({ world }: Pick<Stage, 'world'>, id: string): Promise<void> {
  const open = `select 1 from outbox where account_id = $1 and target = 'credentials' and status in ('pending', 'processing')`;
  await eventually(async () => (await world.sql(open, [id])).length === 0, 'nothing asked about the consent', 240_000);
  for (const task of ['refresh', 'check', 'revoke']) {
    const handle = world.temporal.workflow.getHandle(credentialsWorkflowId(id, task));
    await handle.result().catch((error: unknown) => {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    });
  }
}

async function ask(stage: Stage, { id }: Ordered, task: 'refresh' | 'check' | 'revoke'): Promise<void> {
  const { alta } = stage;
  await stage.insist(id, () => alta.credentials.ask(id, { task, actor: 'ana', reason: 'as agreed' }));
  await idle(stage, id);
}

/** Whatever was lost on the way: the consent is seen to be lost, or the tokens are the ones that count, on both sides. */
async function sound(stage: Stage, { id }: Ordered): Promise<void> {
  const now = await connection(stage, id);
  if (now?.state === 'connected') assert.ok(await counts(stage, id), 'connected, with a token that Mercado Pago does not honour');
  await sameOnCluster(stage.world, id);
}

/** Rotation, a look, the end of a consent and a new one. A grant that was lost with an answer asks the seller again, and is healed by that. */
export const credentials = flowOf<Connected>({
  name: 'credentials',
  async open(stage) {
    const order = await stage.checkout({}, { connected: false });
    await stage.world.pay(order);
    await stage.job(order.accountId, 'completed');
    const subject = { id: order.accountId, order, sellerId: '' };
    await agree(stage, subject);
    subject.sellerId = (await inState(stage.world, subject.id, 'connected')).sellerId;
    await sameOnCluster(stage.world, subject.id);
    return subject;
  },
  async run(stage, subject) {
    await ask(stage, subject, 'refresh');
    await sound(stage, subject);
    const { state } = (await connection(stage, subject.id))!;
    assert.ok(['connected', 'reauth_required'].includes(state));
    if (state === 'connected') await ask(stage, subject, 'check');
    if ((await connection(stage, subject.id))!.state !== 'revoked') await ask(stage, subject, 'revoke');
    await sound(stage, subject);
    assert.equal((await connection(stage, subject.id))!.state, 'revoked');
    await agree(stage, subject);
  },
  async check(stage, subject) {
    await idle(stage, subject.id);
    await sound(stage, subject);
    assert.equal((await connection(stage, subject.id))!.state, 'connected');
  },
  reusable: () => true,
});

/** The seller takes the consent back without a word: seen by the next rotation, asked for again, and healed by agreeing. */
export const lostGrant = flowOf<Connected>({
  ...(credentials as unknown as Flow<Connected>),
  name: 'a lost grant',
  async run(stage, subject) {
    const { sellerId } = (await connection(stage, subject.id))!;
    await stage.world.simulator.control.revoke(sellerId);
    await ask(stage, subject, 'refresh');
    assert.equal((await connection(stage, subject.id))!.state, 'reauth_required');
    await agree(stage, subject);
  },
});

/** The seller takes the consent back, and Mercado Pago tells. */
export const deauthorization = flowOf<Connected>({
  ...(credentials as unknown as Flow<Connected>),
  name: 'deauthorization',
  async run(stage, subject) {
    const { world } = stage;
    const { sellerId } = (await connection(stage, subject.id))!;
    await world.simulator.control.deauthorize(sellerId, `${world.url}/webhooks/mercadopago?${SUBJECT_HEADER}=${subject.id}`);
    await inState(world, subject.id, 'revoked');
    await agree(stage, subject);
  },
});

/** Mercado Pago limits the calls until the tries are used up: nothing is lost, and the next rotation gets through. */
export const limited = troubled(credentials, 'Mercado Pago limits the calls', ({ faults }, { id }) =>
  faults.at('mercadopago.refresh-token', { mode: 'fail-before', code: 'MP_RATE_LIMITED', times: 5, of: id }),
);
