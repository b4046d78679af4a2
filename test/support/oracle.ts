import { verify, type Verification, type VerifyOptions, type Violation } from '../../client/operations/verify/index.ts';
import { OPEN_STATES } from '../../contract/account-machine.ts';
import type { LedgerEntry } from '../../local/mercadopago/types.ts';
import type { CaughtMail } from '../../local/smtp.ts';
import type { World } from './world.ts';

const cents = (amount: number | null): number => Math.round((amount ?? 0) * 100);
type Effect = Extract<LedgerEntry, { kind: 'effect' }>;

/** An account as the ledger is held against it. */
export interface Held {
  accountId: string;
  status: string;
  /** The run that made the store; null when there is none. */
  jobId: string | null;
  /** Whether the order costs anything. */
  paid: boolean;
}

/**
 * What the simulator's append-only ledger says of money (G1, G4): no payment went back more often than once or by more than came, nobody
 * has a store without an approved payment, or an open one whose only money went back. Pure.
 */
export function judgeLedger(entries: readonly LedgerEntry[], accounts: readonly Held[]): Violation[] {
  const effects = entries.filter((entry): entry is Effect => entry.kind === 'effect');
  const payments = new Map<string, { accountId: string | null; captured: number; approved: boolean; status: string }>();
  for (const { what, id, amount, reference } of effects) {
    if (!what.startsWith('payment.')) continue;
    const before = payments.get(id);
    const status = what === 'payment.created' ? 'approved' : what.slice('payment.'.length);
    payments.set(id, {
      accountId: reference,
      captured: cents(amount),
      approved: before?.approved === true || status === 'approved',
      status,
    });
  }
  const broken: Violation[] = [];
  const approvals = new Map(effects.filter(({ what }) => what === 'refund.approved').map((refund) => [refund.id, refund]));
  for (const [paymentId, refunds] of Map.groupBy(approvals.values(), ({ reference }) => reference ?? '')) {
    const payment = payments.get(paymentId);
    const at = { law: 'G4' as const, accountId: payment?.accountId ?? null, row: `ledger, payment ${paymentId}` };
    if (refunds.length > 1) broken.push({ ...at, what: `was given back ${refunds.length} times` });
    const back = refunds.reduce((sum, { amount }) => sum + cents(amount), 0);
    if (back > (payment?.captured ?? 0)) broken.push({ ...at, what: `${back} cents of ${payment?.captured ?? 0} went back` });
  }
  const byAccount = Map.groupBy(
    [...payments.values()].filter(({ approved }) => approved),
    ({ accountId }) => accountId,
  );
  for (const { accountId, status, jobId, paid } of accounts) {
    if (jobId === null || !paid) continue;
    const mine = byAccount.get(accountId) ?? [];
    const row = `ledger, account ${accountId}`;
    if (mine.length === 0) broken.push({ law: 'G1', accountId, row, what: 'has a store, and no payment of it was ever approved' });
    else if ((OPEN_STATES as readonly string[]).includes(status) && mine.every((payment) => payment.status === 'refunded'))
      broken.push({ law: 'G4', accountId, row, what: 'has an open store, and all its money went back' });
  }
  return broken;
}

/**
 * What the mailer's ledger says (G1, G5): the letter of a new store goes out only for a run that made one, repeats of it carry the same
 * Message-ID, and every other letter goes out once at most. Pure.
 */
export function judgeMails(mails: readonly Pick<CaughtMail, 'source'>[], accounts: readonly Held[]): Violation[] {
  const ids = mails.flatMap(({ source }) => /^message-id:\s*<([^@>]+)@/im.exec(source)?.[1] ?? []);
  const made = new Set(accounts.map(({ jobId }) => jobId));
  const broken: Violation[] = [];
  for (const [id, { length }] of Map.groupBy(ids, (one) => one)) {
    const row = `mail ${id}`;
    const kind = id.slice(0, id.indexOf('.'));
    const subject = id.slice(kind.length + 1);
    if (kind !== 'store-ready') {
      const accountId = accounts.find((account) => id.includes(account.accountId))?.accountId ?? null;
      if (length > 1) broken.push({ law: 'G5', accountId, row, what: `went out ${length} times` });
    } else if (!made.has(subject)) broken.push({ law: 'G1', accountId: null, row, what: 'welcomes somebody whose run made no store' });
  }
  return broken;
}

/** The whole oracle over a world: the product's own, every history of it, and the ledgers that only the simulator and the mail catcher keep. */
export async function inspect(world: World, options: VerifyOptions = {}): Promise<Verification> {
  const verification = await verify(world.deps, { histories: 1_000, ...options });
  const [ledger, accounts] = await Promise.all([
    world.simulator.control.ledger({ kind: 'effect' }),
    world.sql<Held>(
      `select a.id as "accountId", a.status, a.order_amount > 0 as paid,
         (select j.id from provisioning_jobs j where j.account_id = a.id and j.activated_at is not null order by j.attempt desc limit 1) as "jobId"
       from nv_accounts a`,
    ),
  ]);
  verification.violations.push(...judgeLedger(ledger, accounts), ...judgeMails(world.mail.messages(), accounts));
  return verification;
}

/** What the oracle found of these accounts or of none, and what it could not see, a line each: clusters are shared with other tests. */
export const findingsOf = ({ violations, unseen }: Verification, accountIds: ReadonlySet<string>): string[] => [
  ...unseen.map(({ clusterId, code }) => `the oracle does not see ${clusterId}: ${code}`),
  ...violations
    .filter(({ accountId }) => accountId === null || accountIds.has(accountId))
    .map(({ law, accountId, row, what }) => `${law} ${accountId ?? '-'} ${row}: ${what}`),
];
