import type { NamedQuery, Tx } from './db.ts';
import type { OutboxRow } from './outbox.ts';

/** What identifies a claim. */
export type Claim = Pick<OutboxRow, 'id' | 'claimToken' | 'generation'>;

export interface Failure {
  code: string;
  /** For people; never holds a secret. */
  message: string;
}

/**
 * Every mark ends a claim, and only its holder may (P-227): `where id and claim_token`, which only a row has that is being delivered. (That
 * said by its status, too, made the planner walk through all leases of late instead of going to the row.) When the fact behind the row
 * happened again meanwhile (its generation rose), the row goes back to `pending` with a fresh count, whatever the mark says of the older one.
 */
const mark = (name: NamedQuery['name'], outcome: { status: string; count: string; next: string; more?: string }): string => `
  update outbox set
    status = case when generation = $3 then ${outcome.status} else 'pending' end,
    attempt_count = case when generation = $3 then ${outcome.count} else 0 end,
    next_attempt_at = case when generation = $3 then ${outcome.next} else now() end,
    ${outcome.more ?? ''}
    lapses = 0, claim_token = null, locked_by = null, locked_until = null, updated_at = now()
  where id = $1 and claim_token = $2
  returning id /* ${name} */`;

const COMPLETE = mark('admin-db.complete-outbox', {
  status: `'completed'`,
  count: 'attempt_count',
  next: 'next_attempt_at',
  more: 'completed_at = case when generation = $3 then now() end, error_code = null, error_message = null,',
});
const RETRY = mark('admin-db.retry-outbox', {
  status: `'pending'`,
  count: 'attempt_count',
  next: "now() + $4 * interval '1 millisecond'",
  more: 'error_code = $5, error_message = $6,',
});
const FAIL = mark('admin-db.fail-outbox', {
  status: `'failed'`,
  count: 'attempt_count',
  next: 'next_attempt_at',
  more: 'error_code = $4, error_message = $5,',
});
const RELEASE = mark('admin-db.release-outbox', {
  status: `'pending'`,
  count: 'greatest(attempt_count - 1, 0)',
  next: "now() + $4 * interval '1 millisecond'",
});

async function apply(db: Tx, query: NamedQuery): Promise<boolean> {
  return (await db.query(query)).length > 0;
}

const key = ({ id, claimToken, generation }: Claim): unknown[] => [id, claimToken, generation];

/** Marks a delivered row. False: the claim was lost, somebody else has the row. */
export const completeOutbox = (db: Tx, row: Claim): Promise<boolean> =>
  apply(db, { name: 'admin-db.complete-outbox', text: COMPLETE, values: key(row) });

/** Puts a row back for another attempt after `delayMs`, with what went wrong. False: the claim was lost. */
export const retryOutbox = (db: Tx, row: Claim, { code, message, delayMs }: Failure & { delayMs: number }): Promise<boolean> =>
  apply(db, { name: 'admin-db.retry-outbox', text: RETRY, values: [...key(row), delayMs, code, message] });

/** Marks a row as dead (P-226): it waits for an operator. False: the claim was lost. */
export const failOutbox = (db: Tx, row: Claim, { code, message }: Failure): Promise<boolean> =>
  apply(db, { name: 'admin-db.fail-outbox', text: FAIL, values: [...key(row), code, message] });

/** Gives a row back because the other side pushed back: the attempt does not count (decision 7). False: the claim was lost. */
export const releaseOutbox = (db: Tx, row: Claim, { delayMs }: { delayMs: number }): Promise<boolean> =>
  apply(db, { name: 'admin-db.release-outbox', text: RELEASE, values: [...key(row), delayMs] });
