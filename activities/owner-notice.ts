import { claimOwnerNotice, loadSnapshot, releaseOwnerNotice } from '../adapters/admin-db/index.ts';
import { surelyUnsent } from '../adapters/mailer/index.ts';
import { noticeMail } from '../adapters/mailer/notice-mail.ts';
import type { OwnerNoticeInput } from '../contract/notices.ts';
import { projectClient } from '../contract/projection.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * `tell-owner`: mails the owner of a store about one event, at most once: the row is written before the mail goes out, and taken back
 * only when the mail surely did not go. Answers whether this call sent it. Throws MAIL_*, ACCOUNT_NOT_FOUND.
 */
export function tellOwner({ db, mailer, config, log }: ActivityDeps) {
  return async (notice: OwnerNoticeInput): Promise<boolean> => {
    const { accountId, kind, eventKey } = notice;
    if (!(await claimOwnerNotice(db, notice))) return false;
    try {
      const account = await loadSnapshot(db, accountId);
      const store = config.STORE_URL.replace('{slug}', account.slug);
      const { locale } = projectClient(account);
      await mailer.send({
        to: account.email,
        messageId: `notice.${eventKey.replaceAll('/', '.')}`,
        ...noticeMail(kind, { locale, name: account.businessName, store, plan: account.planKey }),
      });
      return true;
    } catch (error) {
      if (surelyUnsent(error)) await releaseOwnerNotice(db, eventKey);
      else
        log.warn(
          { err: error, accountId, eventKey, alert: 'owner may not have been told' },
          'a mail to the owner may have been sent or not',
        );
      throw error;
    }
  };
}
