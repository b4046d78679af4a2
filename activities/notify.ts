import { recoveryLink } from '../adapters/cluster/index.ts';
import { storeReadyMail } from '../adapters/mailer/owner-mail.ts';
import { projectClient } from '../contract/projection.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import { storeOf, type ActivityDeps } from './deps.ts';

/**
 * `notify`: mails the owner a link to set the password (P-135). The link is made here and goes into the mail only. A retry
 * carries the same Message-ID, so that a mail server can tell it from a second mail.
 */
export function notify(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<void> => {
    const { account, cluster } = await storeOf(deps, context);
    const store = deps.config.STORE_URL.replace('{slug}', account.slug);
    const link = await recoveryLink(cluster, { email: account.email, redirectTo: store });
    const { locale } = projectClient(account);
    await deps.mailer.send({
      to: account.email,
      messageId: `store-ready.${context.jobId}`,
      ...storeReadyMail({ locale, name: account.businessName, store, link }),
    });
  };
}
