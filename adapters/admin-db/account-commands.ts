import { createHash } from 'node:crypto';
import type { AccountCommand, CommandRecord } from '../../contract/account-commands.ts';
import type { AccountChange, SuspensionReason } from '../../contract/account-events.ts';
import { aspectsOf } from '../../contract/account-events.ts';
import { decide, isStoreState, type AccountStanding, type OpenState } from '../../contract/account-machine.ts';
import type { Aspect } from '../../contract/account.ts';
import { overLimits, type DowngradePolicy } from '../../contract/entitlements.ts';
import { AltaError } from '../../contract/errors.ts';
import { projectEntitlements } from '../../contract/projection.ts';
import { now } from '../clock.ts';
import { changesOf } from './account-changes.ts';
import { loadSnapshot, noAccount } from './accounts.ts';
import { takenName } from './activate.ts';
import { archiveForDeletion, listArchives } from './archives.ts';
import type { AdminDb, Tx } from './db.ts';
import { addLifecycleEvent } from './lifecycle.ts';
import { refuseUnsellable } from './publication.ts';
import { publishAccountEvent } from './publish.ts';

export interface AccountCommandRun {
  accountId: string;
  /** The command's own id: under it the command happens once. */
  commandId: string;
  command: AccountCommand;
  /** What is counted of the store, by limit; null when it could not be counted. */
  used: Record<string, number> | null;
  /** Whether the cluster holds Mercado Pago credentials of the store; null when nobody looked. */
  sells: boolean | null;
  downgrade: DowngradePolicy;
  /** How long what was deleted may be restored, days. */
  retentionDays: number;
}

/** Commands that may leave a store over its limits. */
export const REDUCING: ReadonlySet<AccountCommand['action']> = new Set(['change-plan', 'remove-addon', 'set-override', 'clear-override']);

interface Facts {
  status: string;
  openStatus: OpenState | null;
  held: boolean;
  reasons: SuspensionReason[];
  deletedAt: string | null;
}

/**
 * Does one command in one transaction (P-302): the account, an audit row, its events, and the record of the command. A repeat under the
 * same id changes nothing and answers as before.
 *
 * A deletion needs an archive that was made for its id within the hour; a restoration comes within the retention (P-307).
 *
 * Throws ACCOUNT_NOT_FOUND, COMMAND_REFUSED when the account's state does not allow it, EXPORT_FAILED, OVER_LIMITS by policy, PLAN_NOT_FOUND,
 * SLUG_TAKEN, INPUT_INVALID for an add-on or override that is not there, MP_NOT_CONFIGURED for the approval of a store that cannot sell,
 * CONFLICT for an id that named another command or a name that another store has.
 */
export async function runAccountCommand(db: AdminDb, run: AccountCommandRun): Promise<CommandRecord> {
  try {
    return await db.tx('admin-db.account-command', (tx) => inTransaction(tx, run));
  } catch (error) {
    throw takenName(error) ?? error;
  }
}

async function inTransaction(tx: Tx, run: AccountCommandRun): Promise<CommandRecord> {
  const { accountId, commandId, command } = run;
  const facts = await lockAccount(tx, accountId);
  const digest = digestOf(accountId, command);
  const known = await findCommand(tx, commandId);
  if (known !== undefined) {
    if (known.digest === digest) return known.answer;
    throw new AltaError('CONFLICT', `command ${commandId} was given before, as another one`);
  }
  if (!isStoreState(facts.status))
    throw new AltaError('COMMAND_REFUSED', `${command.action}: the account is ${facts.status} and has no store`);
  const before: AccountStanding = { status: facts.status, openStatus: facts.openStatus, reasons: facts.reasons };
  const decision = decide(command.action, before, 'cause' in command ? command.cause : undefined);
  if (!decision.ok) throw new AltaError('COMMAND_REFUSED', decision.why);
  const { standing } = decision;
  if (command.action === 'restore') await refuseTooLate(tx, facts, run);
  const archive = command.action === 'delete' ? await archiveForDeletion(tx, accountId, commandId) : undefined;
  if (command.action === 'publish') await refuseUnsellable(tx, accountId, run.sells);
  const wasOver = await overNow(tx, run);
  await settleStanding(tx, accountId, command.actor, before, standing);
  const { changes, from, to } = await changesOf(tx, accountId, command, before, standing);
  const over = await overNow(tx, run);
  if (run.downgrade === 'refuse' && over !== null) {
    // What was over before is nobody's new fault.
    const worse = over.find(({ limit, allowed }) => !wasOver?.some((old) => old.limit === limit && old.allowed <= allowed));
    if (worse) {
      const { limit, used, allowed } = worse;
      throw new AltaError('OVER_LIMITS', `${command.action}: the store has ${String(used)} ${limit} and might have ${String(allowed)}`);
    }
  }
  await addLifecycleEvent(tx, { accountId, type: `command.${command.action}`, from, to, actor: command.actor, reason: command.reason });
  const told = await tellAll(tx, changes);
  const held = command.action === 'hold' || (facts.held && command.action !== 'release');
  const record: CommandRecord = {
    commandId,
    action: command.action,
    status: standing.status,
    version: told.version ?? (await lockAccount(tx, accountId)).version,
    aspects: told.aspects,
    reasons: [...standing.reasons],
    held,
    overLimits: over,
    ...(archive === undefined ? {} : { archive }),
  };
  await tx.query({
    name: 'admin-db.record-command',
    text: `insert into account_commands (id, account_id, action, digest, actor, reason, answer) values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [commandId, accountId, command.action, digest, command.actor, command.reason, JSON.stringify(record)],
  });
  return record;
}

async function lockAccount(tx: Tx, accountId: string): Promise<Facts & { version: number }> {
  const [row] = await tx.query<Facts & { version: number }>({
    name: 'admin-db.lock-account',
    text: `select a.version, a.status, a.open_status as "openStatus", a.held_since is not null as held, a.deleted_at as "deletedAt",
             coalesce((select array_agg(reason order by reason) from account_suspensions s where s.account_id = a.id), '{}') as reasons
           from nv_accounts a where a.id = $1 for update of a`,
    values: [accountId],
  });
  if (row === undefined) throw noAccount(accountId);
  return row;
}

/** Refuses to bring back what was deleted longer ago than it is kept. */
async function refuseTooLate(tx: Tx, { deletedAt }: Facts, { accountId, retentionDays }: AccountCommandRun): Promise<void> {
  if (deletedAt === null) return;
  const ended = new Date(Date.parse(deletedAt) + retentionDays * 86_400_000);
  if (now() < ended) return;
  const [archive] = await listArchives(tx, accountId);
  const kept = archive === undefined ? 'there is no archive of it' : `its archive is ${archive.location}`;
  throw new AltaError('COMMAND_REFUSED', `restore: the retention of the deleted store ended at ${ended.toISOString()}; ${kept}`);
}

const digestOf = (accountId: string, command: AccountCommand): string =>
  createHash('sha256')
    .update(`${accountId}\n${JSON.stringify(command)}`)
    .digest('hex');

/** Whether the command that was done under this id is this one. Temporal answers a repeated id without looking at the command. */
export async function isSameCommand(db: Tx, accountId: string, commandId: string, command: AccountCommand): Promise<boolean> {
  return (await findCommand(db, commandId))?.digest === digestOf(accountId, command);
}

async function findCommand(tx: Tx, commandId: string): Promise<{ digest: string; answer: CommandRecord } | undefined> {
  const [row] = await tx.query<{ digest: string; answer: CommandRecord }>({
    name: 'admin-db.find-command',
    text: 'select digest, answer from account_commands where id = $1',
    values: [commandId],
  });
  return row;
}

/** Writes the state and the reasons that the machine decided on. */
async function settleStanding(tx: Tx, accountId: string, actor: string, before: AccountStanding, after: AccountStanding): Promise<void> {
  if (before.status !== after.status || before.openStatus !== after.openStatus) {
    await tx.query({
      name: 'admin-db.set-standing',
      text: `update nv_accounts set status = $2::text, open_status = $3,
               deleted_at = case when $2::text = 'deleted' then coalesce(deleted_at, now()) end where id = $1`,
      values: [accountId, after.status, after.openStatus],
    });
  }
  await tx.query({
    name: 'admin-db.set-suspensions',
    text: `with gone as (delete from account_suspensions where account_id = $1 and reason <> all($2::text[]))
           insert into account_suspensions (account_id, reason, actor) select $1, r, $3 from unnest($2::text[]) r
           on conflict (account_id, reason) do nothing`,
    values: [accountId, [...after.reasons], actor],
  });
}

async function overNow(tx: Tx, { accountId, command, used }: AccountCommandRun): Promise<CommandRecord['overLimits']> {
  if (used === null || !REDUCING.has(command.action)) return null;
  return overLimits(projectEntitlements(await loadSnapshot(tx, accountId)), used);
}

async function tellAll(tx: Tx, changes: AccountChange[]): Promise<{ version: number | undefined; aspects: Aspect[] }> {
  let version: number | undefined;
  const aspects = new Set<Aspect>();
  for (const change of changes) {
    ({ version } = await publishAccountEvent(tx, change));
    for (const aspect of aspectsOf({ ...change, version })) aspects.add(aspect);
  }
  return { version, aspects: [...aspects] };
}
