/** States of an account whose store was not made yet: paid for the first time, or again after a run that failed. */
export const BEFORE_STORE: ReadonlySet<string> = new Set(['draft', 'paid', 'provisioning', 'provision_failed']);
