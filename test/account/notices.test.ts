import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { ownerNoticeWorkflowId } from '../../contract/ids.ts';
import type { CaughtMail } from '../../local/smtp.ts';
import type { Asked } from '../support/account-changes.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { liveOrder } from '../support/live-order.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** The owner of a store is told by mail what happened to it: each event at most once, whatever is delivered how often. */
let world: World;
let faults: Faults;
let alta: AltaClient;
let order: PlacedOrder;

beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
  alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
  order = await liveOrder(world);
}, 120_000);
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await world.close();
});

const give = (command: Asked): Promise<unknown> =>
  alta.accounts.command(order.accountId, { ...command, actor: 'ana', reason: 'as agreed' });
const mails = (about: RegExp): CaughtMail[] =>
  world.mail.messages().filter(({ to, text }) => to.includes(order.checkout.email) && about.test(text));
const mailed = (about: RegExp): Promise<unknown> => eventually(() => mails(about).length > 0, `a mail like ${String(about)}`);
/** The newest event of the account that somebody is told of, once its run has ended. */
const told = async (): Promise<{ id: string; eventKey: string; sent: boolean }> => {
  const [row] = await world.sql<{ id: string; eventKey: string }>(
    `select id, payload ->> 'eventKey' as "eventKey" from outbox where target = 'notice' and account_id = $1 order by created_at desc limit 1`,
    [order.accountId],
  );
  const handle = world.temporal.workflow.getHandle<() => Promise<boolean>>(ownerNoticeWorkflowId(row!.eventKey));
  await eventually(() => handle.describe(), 'a run that tells the owner');
  return { ...row!, sent: await handle.result() };
};

test('P-135: pause, resume, change of plan, cancellation and deletion are told, in the language of the country', async () => {
  await give({ action: 'suspend', cause: 'pause' });
  await mailed(/quedó en pausa/);
  await give({ action: 'resume', cause: 'pause' });
  await mailed(/en línea otra vez: https?:/);
  await give({ action: 'change-plan', planKey: 'starter', billingPeriod: null });
  await mailed(/ahora el plan starter/);
  await give({ action: 'cancel' });
  await mailed(/fue cancelada/);
  await give({ action: 'restore' });
  await give({ action: 'delete' });
  await mailed(/fue eliminada/);
  await give({ action: 'restore' });
  await eventually(() => mails(/en línea otra vez/).length === 3, 'three mails of an open store');
  expect([/quedó en pausa/, /ahora el plan/, /fue cancelada/, /fue eliminada/].map((about) => mails(about).length)).toEqual([1, 1, 1, 1]);
  for (const { source } of mails(/./)) expect(source).toMatch(/^Message-ID:\s+</im);
}, 180_000);

test('a row that is delivered again and again tells once', async () => {
  await give({ action: 'suspend', cause: 'operator' });
  const { id, eventKey } = await told();
  const before = mails(/quedó en pausa/).length;
  for (let time = 0; time < 3; time += 1) {
    await world.sql(`update outbox set status = 'pending', attempt_count = 0, next_attempt_at = now(), completed_at = null where id = $1`, [
      id,
    ]);
    await eventually(async () => {
      const [row] = await world.sql<{ status: string }>('select status from outbox where id = $1', [id]);
      return row!.status === 'completed';
    }, 'a delivered row');
    expect(await told()).toEqual({ id, eventKey, sent: false });
  }
  expect(mails(/quedó en pausa/)).toHaveLength(before);
  await give({ action: 'resume', cause: 'operator' });
  await told();
}, 180_000);

test('a mail that surely did not go is tried again; one that may have gone is not, and somebody hears of it', async () => {
  const count = (): number => mails(/quedó en pausa/).length;
  const before = count();
  faults.at('mailer.send', { mode: 'fail-before', code: 'MAIL_UNAVAILABLE', times: 1 });
  await give({ action: 'suspend', cause: 'pause' });
  expect(await told()).toMatchObject({ sent: true });
  expect(count()).toBe(before + 1);
  await give({ action: 'resume', cause: 'pause' });
  expect(await told()).toMatchObject({ sent: true });

  faults.at('mailer.send', { mode: 'fail-after', code: 'INTERNAL', times: 1 });
  await give({ action: 'suspend', cause: 'pause' });
  expect(await told()).toMatchObject({ sent: false });
  expect(count()).toBe(before + 2);
  const rows = await world.sql(`select 1 from owner_notices where account_id = $1 and kind = 'paused'`, [order.accountId]);
  expect(rows.length).toBe(count());
}, 180_000);
