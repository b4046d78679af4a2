import { NIL } from 'uuid';
import { anchorOf, dueAt, DUNNING_ACTOR, type DueFacts, type DueStep } from '../../contract/dunning.ts';
import { SERVED_STATES } from '../../contract/account-machine.ts';
import { dueCommandIdOf } from '../ids.ts';
import type { AdminDb, Tx } from './db.ts';
import { noAccount } from './accounts.ts';
import { addLifecycleEvent } from './lifecycle.ts';
import { publish } from './publish.ts';

/** An account and what its due dates are computed from. */
export interface DueAccount {
  accountId: string;
  slug: string;
  facts: DueFacts;
}

interface Row extends Omit<DueFacts, 'done'> {
  accountId: string;
  slug: string;
  reminded: string[];
  given: string[];
}

const FACTS = `select a.id as "accountId", a.slug, a.status, s.trial_ends_at as "trialEndsAt", s.paid_until as "paidUntil",
    coalesce((select jsonb_agg(jsonb_build_object('reason', x.reason, 'actor', x.actor, 'since', x.since) order by x.reason)
      from account_suspensions x where x.account_id = a.id), '[]') as reasons,
    coalesce((select jsonb_agg(r.due) from due_reminders r where r.account_id = a.id), '[]') as reminded,
    coalesce((select jsonb_agg(c.id) from account_commands c where c.account_id = a.id and c.actor = '${DUNNING_ACTOR}'), '[]') as given
  from nv_accounts a left join subscriptions s on s.account_id = a.id`;

const iso = (text: string | null): string | null => (text === null ? null : new Date(text).toISOString());
/** Steps that are commands, each known by its id. */
const COMMANDS: readonly DueStep[] = ['suspend', 'delete'];

function accountOf({ accountId, slug, reminded, given, ...row }: Row): DueAccount {
  const facts = {
    status: row.status,
    trialEndsAt: iso(row.trialEndsAt),
    paidUntil: iso(row.paidUntil),
    reasons: row.reasons.map(({ reason, actor, since }) => ({ reason, actor, since: new Date(since).toISOString() })),
  };
  const isDone = (step: DueStep): boolean => {
    const anchor = anchorOf(step, facts);
    return anchor !== null && given.includes(dueCommandIdOf(accountId, step, anchor));
  };
  const done: DueStep[] = COMMANDS.filter(isDone);
  const due = dueAt(facts);
  if (due !== null && reminded.includes(due)) done.push('remind');
  return { accountId, slug, facts: { ...facts, done } };
}

/** The due dates of one account, and what was done for them. Throws ACCOUNT_NOT_FOUND. */
export async function readDue(db: Tx, accountId: string): Promise<DueAccount> {
  const [row] = await db.query<Row>({ name: 'admin-db.read-due', text: `${FACTS} where a.id = $1`, values: [accountId] });
  if (row === undefined) throw noAccount(accountId);
  return accountOf(row);
}

const PAGE = 500;

/**
 * Every store that a due date may do something to, by id, a page at a time: a date before `before` (ISO 8601), a cancellation, or a
 * suspension by a due date.
 */
export async function* dueAccounts(db: Tx, before: string): AsyncGenerator<DueAccount[]> {
  for (let after: string = NIL; ;) {
    const rows = await db.query<Row>({
      name: 'admin-db.due-accounts',
      text: `${FACTS} where a.id > $1 and a.status = any($2) and (greatest(s.trial_ends_at, s.paid_until) <= $3 or a.status = 'cancelled'
               or exists (select from account_suspensions x where x.account_id = a.id and x.actor = '${DUNNING_ACTOR}'))
             order by a.id limit ${String(PAGE)}`,
      values: [after, SERVED_STATES, before],
    });
    if (rows.length > 0) yield rows.map(accountOf);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.accountId;
  }
}

/** Has the owner reminded of a due date by mail, once for each date. Returns whether this call did. */
export function remindOwner(db: AdminDb, accountId: string, due: string): Promise<boolean> {
  return db.tx('admin-db.remind-owner', async (tx) => {
    const rows = await tx.query({
      name: 'admin-db.add-reminder',
      text: 'insert into due_reminders (account_id, due) values ($1, $2) on conflict do nothing returning due',
      values: [accountId, due],
    });
    if (rows.length === 0) return false;
    const eventKey = `payment.due/${accountId}/${due}`;
    const payload = { type: 'notice.asked', accountId, kind: 'payment_due', eventKey } as const;
    await publish(tx, { target: 'notice', eventKey: `notice/${eventKey}`, accountId, payload });
    await addLifecycleEvent(tx, { accountId, type: 'due.reminded', to: due, actor: DUNNING_ACTOR, reason: 'the due date has come' });
    return true;
  });
}
