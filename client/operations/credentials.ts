import { randomUUID } from 'node:crypto';
import { addLifecycleEvent, findConnection, publish, type AdminDb, type Connection } from '../../adapters/admin-db/index.ts';
import type { CredentialTask } from '../../contract/credentials.ts';
import { AltaError } from '../../contract/errors.ts';

export interface CredentialCommand {
  accountId: string;
  task: Exclude<CredentialTask, 'connect'>;
  actor: string;
  reason: string;
}

/**
 * An operator has something done about an account's consent: on record and in the outbox in one transaction; a run does it. Throws
 * INPUT_INVALID, NOT_FOUND when the seller never agreed, RESOLVE_REFUSED when it makes no sense in the present state.
 */
export async function askAboutCredentials(db: AdminDb, { accountId, task, actor, reason }: CredentialCommand): Promise<Connection> {
  if (actor.trim() === '' || reason.trim() === '') throw new AltaError('INPUT_INVALID', 'actor, reason: say who asks, and why');
  const connection = await findConnection(db, accountId);
  if (connection === null) throw new AltaError('NOT_FOUND', `account ${accountId} was never connected to Mercado Pago`);
  if (connection.state === 'revoked')
    throw new AltaError('RESOLVE_REFUSED', 'it is revoked: `alta credentials link` makes a link to agree again');
  if (task === 'refresh' && connection.state !== 'connected')
    throw new AltaError('RESOLVE_REFUSED', 'the seller has to agree again: `alta credentials link` makes the link');
  await db.tx('admin-db.ask-about-credentials', async (tx) => {
    await addLifecycleEvent(tx, { accountId, type: `mp_credentials.${task}_asked`, actor, reason });
    await publish(tx, {
      target: 'credentials',
      eventKey: `credentials.${task}/${accountId}/${randomUUID()}`,
      accountId,
      payload: { type: 'credentials.asked', accountId, task, authorizationId: null },
    });
  });
  return connection;
}
