import { loadSnapshot } from '../adapters/admin-db/index.ts';
import { noticeMail } from '../adapters/mailer/notice-mail.ts';
import type { OwnerNoticeInput } from '../contract/notices.ts';
import { projectClient } from '../contract/projection.ts';
import type { ActivityDeps } from './deps.ts';
import { tellOnce } from './tell-once.ts';

/** `tell-owner`: mails the owner of a store about one event, at most once. Answers whether this call sent it. Throws MAIL_*, ACCOUNT_NOT_FOUND. */
export function tellOwner(deps: ActivityDeps) {
  const { db, config } = deps;
  return (notice: OwnerNoticeInput): Promise<boolean> =>
    tellOnce(deps, notice, async () => {
      const { accountId, kind, eventKey } = notice;
      const account = await loadSnapshot(db, accountId);
      const store = config.STORE_URL.replace('{slug}', account.slug);
      const { locale } = projectClient(account);
      return {
        to: account.email,
        messageId: `notice.${eventKey.replaceAll('/', '.')}`,
        ...noticeMail(kind, { locale, name: account.businessName, store, plan: account.planKey }),
      };
    });
}
