import { AltaError } from '../contract/errors.ts';
import { openAuthorization, type Tx } from './admin-db/index.ts';
import type { Config } from './config.ts';
import { consentLink, redirectUriOf } from './mercadopago/index.ts';
import type { Vault } from './vault/index.ts';

export interface ConsentAsk {
  /** Where the seller agrees; whoever has it can connect a Mercado Pago account to this store, so it goes to the owner alone. */
  url: string;
  /** ISO text. */
  expiresAt: string;
}

export interface ConsentDeps {
  db: Tx;
  vault: Vault;
  config: Pick<Config, 'MP_CLIENT_ID' | 'MP_AUTH_URL' | 'MP_CONSENT_SECONDS' | 'PUBLIC_URL'>;
}

/** Makes a link on which the seller of an account agrees (or agrees again). Throws ACCOUNT_NOT_FOUND, CONFIG_INVALID. */
export async function askForConsent(
  { db, vault, config }: ConsentDeps,
  { accountId, requestedBy }: { accountId: string; requestedBy: string },
): Promise<ConsentAsk> {
  if (config.MP_CLIENT_ID === undefined) throw new AltaError('CONFIG_INVALID', 'MP_CLIENT_ID: is needed to connect sellers');
  const redirectUri = redirectUriOf(config.PUBLIC_URL);
  const validSeconds = config.MP_CONSENT_SECONDS;
  const asked = await openAuthorization(db, vault, { accountId, redirectUri, requestedBy, validSeconds });
  return {
    url: consentLink({ authUrl: config.MP_AUTH_URL, clientId: config.MP_CLIENT_ID, redirectUri, ...asked }),
    expiresAt: new Date(Date.now() + validSeconds * 1_000).toISOString(),
  };
}
