import { knownPayments, sentRefunds, standOfAccounts, type AdminDb, type SentRefund } from '../../../adapters/admin-db/index.ts';
import type { Payment, PaymentSearch, Refund } from '../../../adapters/mercadopago/index.ts';
import { isUuid } from '../../../contract/ids.ts';
import { fromMicros, toMicros } from '../../../contract/money.ts';
import type { Violation } from './laws.ts';
import type { Findings, VerifyDeps } from './sources.ts';

const PAGE = 50;
/** States of a payment by which the money is here, and those by which it went back. */
const CAME: ReadonlySet<string> = new Set(['approved', 'in_mediation']);
const WENT: ReadonlySet<string> = new Set(['refunded', 'charged_back']);

type Hit = PaymentSearch['hits'][number];
type Mp = NonNullable<VerifyDeps['mp']>;

/**
 * Holds Alta's payments and refunds against what Mercado Pago says: payments that changed in the last `days`, at most `payments`, and the
 * newest refunds. What changed within `lateSeconds` may still be on its way. Throws MP_*.
 */
export async function compareMoney(
  db: AdminDb,
  mp: Mp,
  { days, payments, lateSeconds, limit }: { days: number; payments: number; lateSeconds: number; limit: number },
  { look, violations }: Findings,
): Promise<void> {
  const until = Date.now() - lateSeconds * 1_000;
  const since = new Date(Date.now() - days * 86_400_000);
  for (let offset = 0; since.getTime() < until; offset += PAGE) {
    const { hits } = await mp.searchPayments({ since, until: new Date(until), offset, limit: PAGE });
    look.looked += hits.length;
    for (const hit of await unfitting(db, hits)) violations.push(...judgePayment(await mp.getPayment(hit.id), hit));
    if (hits.length < PAGE) break;
    if (look.looked >= payments) {
      look.complete = false;
      break;
    }
  }
  for (const [paymentId, ours] of Map.groupBy(await sentRefunds(db, limit), (refund) => refund.paymentId)) {
    violations.push(...judgeRefunds(ours, await mp.listRefunds(paymentId)));
  }
}

/** Hits of accounts of ours of which Alta does not know what Mercado Pago says. */
async function unfitting(db: AdminDb, hits: readonly Hit[]): Promise<(Hit & { accountId: string; known: string | null })[]> {
  const ours = hits.flatMap((hit) =>
    isUuid(hit.externalReference ?? '') ? [{ ...hit, accountId: hit.externalReference!.toLowerCase() }] : [],
  );
  if (ours.length === 0) return [];
  const [accounts, payments] = await Promise.all([
    standOfAccounts(db, [...new Set(ours.map(({ accountId }) => accountId))]),
    knownPayments(
      db,
      ours.map(({ id }) => id),
    ),
  ]);
  const known = new Map(payments.map(({ paymentId, status }) => [paymentId, status]));
  const mine = new Set(accounts.map(({ accountId }) => accountId));
  return ours
    .filter(({ accountId, id, status }) => mine.has(accountId) && known.get(id) !== status)
    .map((hit) => ({ ...hit, known: known.get(hit.id) ?? null }));
}

/** What one payment breaks, as it reads now: a search is a summary that may be behind. Pure. */
export function judgePayment(now: Payment, { id, accountId, known }: { id: string; accountId: string; known: string | null }): Violation[] {
  const row = `payments ${id}`;
  if (known === now.status) return [];
  if (CAME.has(now.status) && !CAME.has(known ?? ''))
    return [
      {
        law: 'G1',
        accountId,
        row,
        what: `is ${now.status} at Mercado Pago; Alta ${known === null ? 'never read it' : `knows it as ${known}`}`,
      },
    ];
  if (WENT.has(now.status) && CAME.has(known ?? ''))
    return [{ law: 'G4', accountId, row, what: `is ${now.status} at Mercado Pago; Alta knows it as ${known ?? '-'}` }];
  return [];
}

/** What the refunds of one payment break: `ours` as Alta knows them, `theirs` all that Mercado Pago has. Pure. */
export function judgeRefunds(ours: readonly SentRefund[], theirs: readonly Refund[]): Violation[] {
  const broken: Violation[] = [];
  const done = theirs.filter(({ status }) => status === 'approved');
  const back = done.reduce((sum, { amount }) => sum + toMicros(amount), 0n);
  const [any] = ours;
  if (any !== undefined && back > toMicros(any.captured)) {
    const what = `${fromMicros(back)} of ${any.captured} went back at Mercado Pago`;
    broken.push({ law: 'G4', accountId: any.accountId, row: `payments ${any.paymentId}`, what });
  }
  for (const { refundId, accountId, status, mpRefundId } of ours) {
    if (status === 'approved' && !done.some(({ id }) => id === mpRefundId))
      broken.push({ law: 'G4', accountId, row: `refunds ${refundId}`, what: 'is said to be paid back; Mercado Pago has no such refund' });
  }
  return broken;
}
