import { claimNotice, loadSnapshot, openAuthorization, releaseNotice } from '../adapters/admin-db/index.ts';
import { consentLink, redirectUriOf } from '../adapters/mercadopago/index.ts';
import { surelyUnsent } from '../adapters/mailer/index.ts';
import { consentMail } from '../adapters/mailer/consent-mail.ts';
import { AltaError } from '../contract/errors.ts';
import { projectClient } from '../contract/projection.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * `ask-consent`: mails the owner a fresh link on which to agree again, at most once for each end of a consent. Answers whether this call
 * sent it. Throws MAIL_*, CONFIG_INVALID without MP_CLIENT_ID.
 */
export function askConsent({ db, vault, mailer, config }: ActivityDeps) {
  return async ({ accountId }: { accountId: string }): Promise<boolean> => {
    if (config.MP_CLIENT_ID === undefined) throw new AltaError('CONFIG_INVALID', 'MP_CLIENT_ID: is needed to connect sellers');
    const { claimed, version } = await claimNotice(db, accountId);
    if (!claimed || version === null) return false;
    try {
      const account = await loadSnapshot(db, accountId);
      const redirectUri = redirectUriOf(config.PUBLIC_URL);
      const asked = await openAuthorization(db, vault, {
        accountId,
        redirectUri,
        requestedBy: 'alta',
        validSeconds: config.MP_CONSENT_SECONDS,
      });
      const link = consentLink({ authUrl: config.MP_AUTH_URL, clientId: config.MP_CLIENT_ID, redirectUri, ...asked });
      await mailer.send({
        to: account.email,
        messageId: `consent-ended.${accountId}.${String(version)}`,
        ...consentMail({ locale: projectClient(account).locale, name: account.businessName, link }),
      });
      return true;
    } catch (error) {
      // A notice that may have gone out stays claimed: a second mail is worse than the alert alone.
      if (surelyUnsent(error)) await releaseNotice(db, accountId, version);
      throw error;
    }
  };
}
