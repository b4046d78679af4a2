import { v5 } from 'uuid';

/** Namespace of every id that Alta derives. Never change it: ids on clusters depend on it. */
const NAMESPACE = '5b0c7a0e-6c1b-5d0f-9a53-0d6a2f7b1c11';

/** Id of the account's `clients` row on its cluster. */
export const clientIdOf = (accountId: string): string => v5(`${accountId}/client`, NAMESPACE);

/** Id of the auth user of an account's owner: stable over retries, so that a repeated create is recognised. */
export const ownerUserIdOf = (accountId: string, email: string): string =>
  v5(`${accountId}/owner/${email.normalize('NFKC').trim().toLowerCase()}`, NAMESPACE);

/** Id of the command that a due date brings: the same date never brings it twice. `anchor` as in `contract/dunning.ts`. */
export const dueCommandIdOf = (accountId: string, step: string, anchor: string): string =>
  v5(`${accountId}/due/${step}/${anchor}`, NAMESPACE);
