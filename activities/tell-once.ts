import { claimOwnerNotice, releaseOwnerNotice, type OwnerNotice } from '../adapters/admin-db/index.ts';
import { surelyUnsent, type Mail } from '../adapters/mailer/index.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * Mails the owner of a store about one thing, at most once: the row is written before the mail goes out, and taken back only when the
 * mail surely did not go. Answers whether this call sent it. Throws MAIL_* and what `write` throws.
 */
export async function tellOnce(
  { db, mailer, log }: Pick<ActivityDeps, 'db' | 'mailer' | 'log'>,
  notice: OwnerNotice,
  write: () => Promise<Mail>,
): Promise<boolean> {
  const { accountId, eventKey } = notice;
  if (!(await claimOwnerNotice(db, notice))) return false;
  try {
    await mailer.send(await write());
    return true;
  } catch (error) {
    if (surelyUnsent(error)) await releaseOwnerNotice(db, eventKey);
    else
      log.warn({ err: error, accountId, eventKey, alert: 'owner may not have been told' }, 'a mail to the owner may have been sent or not');
    throw error;
  }
}
