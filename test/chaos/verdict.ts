import pg from 'pg';
import { verifyTwice, type Violation } from '../../client/operations/verify/index.ts';
import { pause } from '../../local/wait.ts';
import type { Ground } from './ground.ts';
import { LAST_PLAN, type Given } from './life.ts';
import type { PaidOrder } from './traffic.ts';

/** Everything that is wrong, named; all lists are empty when every law held. */
export interface Verdict {
  /** Approved payments, by the simulator's ledger, without their whole store. */
  lost: string[];
  /** What is there twice: stores, owners, runs, words about a store's birth, commands. */
  doubled: string[];
  /** What stands on a cluster and belongs to nobody who paid. */
  orphaned: string[];
  /** Commands that were answered and left no trace, or not the state that they asked for. */
  forgotten: string[];
  /** What the oracle names (`alta verify`). */
  violations: Violation[];
}

interface ClientRow {
  account: string;
  active: boolean;
  published: string;
  deleted: boolean;
  owners: number;
}

const CLIENTS = `
  select c.nv_account_id as account, c.is_active as active, c.publication_status as published, c.deleted_at is not null as deleted,
    (select count(*)::int from users u where u.client_id = c.id and u.role = 'admin') as owners
  from clients c`;
/** People who can sign in and belong to no store. */
const STRANGERS = `select id::text from auth.users a where not exists (select from public.users u where u.id = a.id)`;
const LEFT_OVER = `select 'storage.objects ' || name as what from storage.objects o
  where not exists (select from clients c where o.name like c.id || '/%')`;

async function onCluster<T extends pg.QueryResultRow>(databaseUrl: string, ...texts: string[]): Promise<T[][]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const found: T[][] = [];
    for (const text of texts) found.push((await client.query<T>(text)).rows);
    return found;
  } finally {
    await client.end();
  }
}

/** Holds the real stores, past Alta's own code, against what was paid at the simulator; and asks the oracle. */
export async function judge(ground: Ground, given: readonly Given[], paid: readonly PaidOrder[]): Promise<Verdict> {
  const verdict: Verdict = { lost: [], doubled: [], orphaned: [], forgotten: [], violations: [] };
  const rows = new Map<string, (ClientRow & { on: string })[]>();
  for (const { clusterId, databaseUrl } of ground.stack.clusters) {
    const [clients = [], strangers = [], leftOver = []] = await onCluster(databaseUrl, CLIENTS, STRANGERS, LEFT_OVER);
    for (const row of clients as ClientRow[]) rows.set(row.account, [...(rows.get(row.account) ?? []), { ...row, on: clusterId }]);
    verdict.orphaned.push(...strangers.map((row) => `${clusterId}: auth user ${String(row['id'])}`));
    verdict.orphaned.push(...leftOver.map((row) => `${clusterId}: ${String(row['what'])}`));
  }
  const payments = (await ground.mercadoPago.payments()).filter(({ status }) => status === 'approved');
  const accounts = new Map(payments.map(({ id, external_reference: reference }) => [reference ?? '', String(id)]));
  const known = new Set(payments.map(({ id }) => String(id)));
  for (const { paymentId } of paid) if (!known.has(paymentId)) verdict.lost.push(`payment ${paymentId} is not in the simulator's ledger`);
  for (const [accountId, paymentId] of accounts) {
    const alive = (rows.get(accountId) ?? []).filter(({ deleted }) => !deleted);
    const whole = alive.filter(({ active, published, owners }) => active && published === 'published' && owners > 0);
    if (whole.length === 0)
      verdict.lost.push(`payment ${paymentId}: account ${accountId} has no whole store (${String(alive.length)} rows)`);
    if (alive.length > 1) verdict.doubled.push(`account ${accountId} has stores on ${alive.map(({ on }) => on).join(' and ')}`);
    for (const { owners, on } of alive) if (owners > 1) verdict.doubled.push(`${on}: account ${accountId} has ${String(owners)} owners`);
  }
  for (const [accountId, those] of rows)
    if (!accounts.has(accountId)) verdict.orphaned.push(`${those.map(({ on }) => on).join(', ')}: account ${accountId} was never paid for`);
  await judgeAdminDb(ground, given, verdict);
  const { violations, unseen } = await verifyTwice(ground.oracle, () => pause(5_000));
  verdict.violations = violations;
  for (const { clusterId, code } of unseen) verdict.lost.push(`cluster ${clusterId} could not be looked at: ${code}`);
  return verdict;
}

async function judgeAdminDb({ db }: Ground, given: readonly Given[], verdict: Verdict): Promise<void> {
  const more = await db.query<{ what: string }>({
    name: 'chaos.doubled',
    text: `select 'account ' || account_id || ' has ' || count(*) || ' jobs' as what from provisioning_jobs group by account_id having count(*) > 1
           union all
           select 'account ' || account_id || ' has ' || count(*) || ' slots' from placements where status in ('reserved', 'confirmed')
             group by account_id having count(*) > 1
           union all
           select 'account ' || account_id || ' was told of ' || count(*) || ' times as created' from outbox where event_type = 'account.created'
             group by account_id having count(*) > 1`,
  });
  verdict.doubled.push(...more.map(({ what }) => what));
  const ids = given.map(({ commandId }) => commandId);
  const found = await db.query<{ id: string; action: string; times: number }>({
    name: 'chaos.commands',
    text: `select c.id::text, c.action, (select count(*)::int from lifecycle_events e where e.account_id = c.account_id and e.created_at = c.created_at
             and e.event_type = 'command.' || c.action) as times
           from account_commands c where c.id = any($1::uuid[])`,
    values: [ids],
  });
  const byId = new Map(found.map((row) => [row.id, row]));
  for (const { commandId, accountId, action } of given) {
    const row = byId.get(commandId);
    if (row?.action !== action) verdict.forgotten.push(`account ${accountId}: command ${commandId} (${action}) left no row`);
    else if (row.times > 1) verdict.doubled.push(`account ${accountId}: command ${commandId} was done ${String(row.times)} times`);
  }
  const states = await db.query<{ accountId: string; status: string; planKey: string }>({
    name: 'chaos.changed',
    text: `select id as "accountId", status, plan_key as "planKey" from nv_accounts where id = any($1::uuid[])`,
    values: [[...new Set(given.map(({ accountId }) => accountId))]],
  });
  for (const { accountId, status, planKey } of states)
    if (status !== 'provisioned' || planKey !== LAST_PLAN)
      verdict.forgotten.push(`account ${accountId} is ${status} on ${planKey}, and was to be open on ${LAST_PLAN}`);
}
