import { findConnection } from '../../adapters/admin-db/index.ts';
import { bought, consentsOf, hasStore, isOpen, statusOf, type Account, type Model } from './model.ts';
import type { Real } from './real.ts';

type Seen = Record<string, unknown>;
/** What may be seen, by name: any of the list. */
type Expected = Record<string, readonly unknown[]>;

const NO_STORE = ['draft', 'provision_failed'];

/** What each side of Alta has to show of an account. */
function expected(model: Model, account: Account, staff: Record<string, number>): Expected {
  if (!hasStore(account)) return { status: NO_STORE, stores: [0] };
  const { plan, name, held, stops, deleted, headline, extraStaff } = account;
  const admin: Expected = {
    status: statusOf(account),
    stops: [[...stops].sort().join()],
    plan: [plan],
    name: [name],
    held: [held],
    stores: [1],
    consent: consentsOf(account, model),
  };
  // A held store is as it was.
  if (held) return admin;
  return {
    ...admin,
    open: [isOpen(account)],
    shut: [deleted],
    ...(deleted
      ? {}
      : {
          storePlan: [plan],
          storeName: [name],
          staff: [(staff[plan] ?? 0) + extraStaff],
          ...(headline === null ? {} : { headline: [headline] }),
        }),
    sells: [!deleted && account.consent !== 'none' && account.consent !== 'revoked'],
  };
}

async function seen(real: Real, account: Account): Promise<Seen> {
  const { world } = real;
  const accountId = real.idOf(account);
  const row = await world.account(accountId);
  const stores = await world.stores(accountId);
  const reasons = await world.sql<{ reason: string }>('select reason from account_suspensions where account_id = $1', [accountId]);
  const [store] = stores;
  const { limits } = (store?.client.entitlements ?? {}) as { limits?: Record<string, number> };
  return {
    status: row['status'],
    stops: reasons
      .map(({ reason }) => reason)
      .sort()
      .join(),
    plan: row['plan_key'],
    name: row['business_name'],
    held: row['held_since'] !== null,
    stores: stores.length,
    consent: (await findConnection(world.db, accountId))?.state ?? 'none',
    open: store?.client.is_active,
    shut: store !== undefined && store.client.deleted_at !== null,
    storePlan: store?.client.plan_key,
    storeName: store?.client.name,
    staff: limits?.['staff'],
    headline: (store?.home_settings as { headline?: string } | null | undefined)?.headline,
    sells: store !== undefined && store.mp_fingerprint !== null,
  };
}

/** Where Alta and the model differ; empty when nowhere. */
export async function differences(model: Model, real: Real): Promise<string[]> {
  const plans = await real.world.sql<{ plan: string; staff: number }>(
    `select plan_key as plan, (entitlements -> 'limits' ->> 'staff')::int as staff from plans`,
  );
  const staff = Object.fromEntries(plans.map((row) => [row.plan, row.staff]));
  const found: string[] = [];
  for (const account of model.accounts) {
    const wanted = expected(model, account, staff);
    const there = await seen(real, account);
    for (const [what, values] of Object.entries(wanted)) {
      if (values.includes(there[what])) continue;
      found.push(
        `account ${String(account.no)} (${real.idOf(account)}): ${what} is ${JSON.stringify(there[what])}; the model says ${values.map((value) => JSON.stringify(value)).join(' or ')}`,
      );
    }
  }
  return [...found, ...(await paymentDifferences(model, real)), ...(await refundDifferences(real))];
}

/** Alta knows each payment as it stands at Mercado Pago, and what stands there is what the model says. */
async function paymentDifferences(model: Model, real: Real): Promise<string[]> {
  const known = await real.world.sql<{ id: string; status: string }>('select payment_id as id, status from payments');
  const byId = new Map(known.map(({ id, status }) => [id, status]));
  const there = await real.world.simulator.control.payments();
  const approved = new Set(model.accounts.flatMap((account) => bought(account).map(({ no }) => real.payments[no])));
  const right = new Set(
    model.accounts.flatMap(({ payments }) => payments.flatMap((payment) => (payment.right ? [real.payments[payment.no]] : []))),
  );
  return there.flatMap(({ id, status }) => {
    const name = String(id);
    const wrong: string[] = [];
    if (byId.get(name) !== status) wrong.push(`payment ${name} is ${status}; Alta knows it as ${byId.get(name) ?? 'nothing'}`);
    if (right.has(name) && (status === 'approved') !== approved.has(name))
      wrong.push(`payment ${name} is ${status}; the model says ${approved.has(name) ? 'approved' : 'not approved'}`);
    return wrong;
  });
}

/** Whatever was tried how often, one payment was asked back under one key (law 8): a key is what makes a repeat harmless. */
async function refundDifferences({ world }: Real): Promise<string[]> {
  const calls = (await world.simulator.control.ledger({ operation: 'refund.create' })).filter((entry) => entry.kind === 'call');
  return [...Map.groupBy(calls, ({ path }) => path)].flatMap(([path, of]) => {
    const keys = new Set(of.map(({ idempotencyKey }) => idempotencyKey));
    return keys.size > 1 ? [`${path} was called under ${String(keys.size)} keys`] : [];
  });
}
