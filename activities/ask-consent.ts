import { findConnection, loadSnapshot } from '../adapters/admin-db/index.ts';
import { askForConsent } from '../adapters/ask-consent.ts';
import { consentMail } from '../adapters/mailer/consent-mail.ts';
import { projectClient } from '../contract/projection.ts';
import type { ActivityDeps } from './deps.ts';
import { tellOnce } from './tell-once.ts';

/**
 * `ask-consent`: mails the owner a fresh link on which to agree again, at most once for each end of a consent. Answers whether this call
 * sent it. Throws MAIL_*, CONFIG_INVALID without MP_CLIENT_ID.
 */
export function askConsent(deps: ActivityDeps) {
  const { db } = deps;
  return async ({ accountId }: { accountId: string }): Promise<boolean> => {
    const connection = await findConnection(db, accountId);
    if (connection === null || connection.state === 'connected') return false;
    const version = String(connection.credentialVersion);
    const notice = { eventKey: `consent.ended/${accountId}/${version}`, accountId, kind: 'consent_ended' } as const;
    return tellOnce(deps, notice, async () => {
      const account = await loadSnapshot(db, accountId);
      const { url: link } = await askForConsent(deps, { accountId, requestedBy: 'alta' });
      return {
        to: account.email,
        messageId: `consent-ended.${accountId}.${version}`,
        ...consentMail({ locale: projectClient(account).locale, name: account.businessName, link }),
      };
    });
  };
}
