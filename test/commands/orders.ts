import { isOpen, statusOf, type Account, type Plan } from './model.ts';

/** An operator's order about a store, as far as the model knows such orders. */
export type Order =
  | { action: 'suspend' | 'resume'; cause: 'pause' | 'operator' }
  | { action: 'cancel' | 'delete' | 'restore' | 'publish' | 'hold' | 'release' | 'reseed' | 'sync-entitlements' }
  | { action: 'change-plan'; planKey: Plan }
  | { action: 'change-account'; fields: { businessName: string } }
  | { action: 'change-settings'; settings: { headline: string } }
  | { action: 'add-addon'; addonKey: 'extra-staff'; quantity: number };

/** What an order makes of an account, or that it is refused (ARCHITECTURE.md, the picture of an account's life). */
export function obey(account: Account, order: Order): 'done' | 'refused' {
  const [status] = statusOf(account);
  const shut = status === 'cancelled' || status === 'deleted';
  switch (order.action) {
    case 'suspend':
      if (!shut) account.stops.add(order.cause);
      break;
    case 'resume':
      return status === 'suspended' && account.stops.delete(order.cause) ? 'done' : 'refused';
    case 'cancel':
      if (!shut) account.stops.add('cancel');
      break;
    case 'delete':
      if (account.deleted) return 'refused';
      account.deleted = true;
      return 'done';
    case 'restore':
      if (!shut) return 'refused';
      // What was deleted comes back as it stood, a cancelled one cancelled.
      if (account.deleted) account.deleted = false;
      else account.stops.delete('cancel');
      return 'done';
    case 'publish':
      if (!isOpen(account) || account.approved) return 'refused';
      account.approved = true;
      return 'done';
    case 'hold':
      if (account.deleted) return 'refused';
      account.held = true;
      return 'done';
    case 'release':
      account.held = false;
      return 'done';
    case 'change-plan':
      if (!shut) account.plan = order.planKey;
      break;
    case 'change-account':
      if (!shut) account.name = order.fields.businessName;
      break;
    case 'change-settings':
      if (!shut) account.headline = order.settings.headline;
      break;
    case 'add-addon':
      if (!shut) account.extraStaff = order.quantity;
      break;
    case 'reseed':
    case 'sync-entitlements':
  }
  return shut ? 'refused' : 'done';
}
