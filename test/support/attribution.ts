import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestListener } from 'node:http';
import { currentLogFields } from '../../adapters/log.ts';
import type { World } from './world.ts';

/** Whom a call of a person or of an HTTP request is for: an id, or a payment whose order is looked up. */
type Asked = { subject: string } | { payment: string };
const asked = new AsyncLocalStorage<Asked>();

/** Header, or parameter of the query, that names the subject of a request to Alta's API. */
export const SUBJECT_HEADER = 'x-subject';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** Runs what an operator or a customer does for a subject, so that faults of this subject strike it. */
export const asSubject = <T>(subject: string, act: () => T): T => asked.run({ subject }, act);

/** Lets Alta's API know for whom a request is: by its header or query, by the store of its path, or by the payment that it tells of. */
export const knowingSubject =
  (next: RequestListener): RequestListener =>
  (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api');
    const header = request.headers[SUBJECT_HEADER];
    const store = /^\/stores\/([0-9a-f-]{36})\//.exec(pathname)?.[1];
    const subject = typeof header === 'string' ? header : (searchParams.get(SUBJECT_HEADER) ?? store);
    const payment = searchParams.get('data.id');
    const known: Asked | undefined = subject !== undefined ? { subject } : payment === null ? undefined : { payment };
    if (known === undefined) next(request, response);
    else asked.run(known, () => next(request, response));
  };

/**
 * Whom the present call is done for, by account: asked by a person, or by what its log lines are about, which every activity and every
 * delivery says. News of a payment is attributed to the account that its order names; a sweep to the id of its run. Undefined for what is
 * done for nobody in particular, such as a relay's claim.
 */
export function attribution(world: () => World): () => Promise<string | undefined> {
  const accounts = new Map<string, string>();
  const payments = new Map<string, string>();
  let reading: Promise<void> | undefined;
  /** Reads which order each payment at the simulator names; one reading serves all who ask meanwhile. */
  const read = async (): Promise<void> => {
    for (const { id, external_reference: reference } of await world().simulator.control.payments())
      if (reference !== null && UUID.test(reference)) accounts.set(String(id), reference);
    reading = undefined;
  };
  const ofPayment = async (payment: string): Promise<string | undefined> => {
    if (!accounts.has(payment)) await (reading ??= read());
    return accounts.get(payment);
  };
  const ofInbox = async (inbox: string): Promise<string | undefined> => {
    if (!payments.has(inbox)) {
      const [row] = await world().sql<{ payment_id: string | null }>('select payment_id from webhook_inbox where id::text = $1', [inbox]);
      if (row?.payment_id != null) payments.set(inbox, row.payment_id);
    }
    return payments.get(inbox);
  };

  return async () => {
    const person = asked.getStore();
    if (person !== undefined) return 'subject' in person ? person.subject : ofPayment(person.payment);
    const { accountId, workflowId, eventKey } = currentLogFields();
    if (accountId !== undefined) return accountId;
    const refund = /^refund\/(\d+)$/.exec(workflowId ?? '')?.[1];
    if (refund !== undefined) return ofPayment(refund);
    const inbox = /^payment\.notified\/(.+)$/.exec(eventKey ?? '')?.[1];
    if (workflowId === undefined && inbox !== undefined) {
      const payment = await ofInbox(inbox);
      return payment === undefined ? undefined : ofPayment(payment);
    }
    // A seller's word is about the account that sells with the seller's consent.
    if (workflowId === undefined && eventKey?.startsWith('seller.deauthorized/') === true) {
      const [row] = await world().sql<{ id: string }>(
        `select c.account_id as id from outbox o join mp_connections c on c.seller_id = o.payload ->> 'sellerId' where o.event_key = $1`,
        [eventKey],
      );
      return row?.id;
    }
    return UUID.exec(workflowId ?? eventKey ?? '')?.[0];
  };
}
