import { randomUUID } from 'node:crypto';
import {
  addLifecycleEvent,
  findConnection,
  listLifecycleEvents,
  publish,
  type AdminDb,
  type Connection,
} from '../../adapters/admin-db/index.ts';
import { isCommandId } from '../../contract/account-commands.ts';
import type { CredentialTask } from '../../contract/credentials.ts';
import { AltaError } from '../../contract/errors.ts';

export interface CredentialCommand {
  accountId: string;
  task: Exclude<CredentialTask, 'connect'>;
  actor: string;
  reason: string;
  /** The command's own id, a UUID: under it the same is asked once. A new one is made when it is left out. */
  commandId?: string;
}

/**
 * An operator has something done about an account's consent: on record and in the outbox in one transaction; a run does it. Answers the
 * consent as it was when this was asked first, also to a repeat under the same id. Throws INPUT_INVALID, NOT_FOUND when the seller never
 * agreed, CONFLICT for an id that named another question, RESOLVE_REFUSED when it makes no sense in the present state.
 */
export const askAboutCredentials = async (db: AdminDb, command: CredentialCommand): Promise<Connection> =>
  (await askOnce(db, command)).asked;

/** As `askAboutCredentials`, and whether it was asked before under this id. */
export async function askOnce(
  db: AdminDb,
  { accountId, task, actor, reason, commandId = randomUUID() }: CredentialCommand,
): Promise<{ asked: Connection; repeated: boolean }> {
  if (!isCommandId(commandId)) throw new AltaError('INPUT_INVALID', 'commandId: write a UUID in lower case');
  if (actor.trim() === '' || reason.trim() === '') throw new AltaError('INPUT_INVALID', 'actor, reason: say who asks, and why');
  const connection = await findConnection(db, accountId);
  if (connection === null) throw new AltaError('NOT_FOUND', `account ${accountId} was never connected to Mercado Pago`);
  const type = `mp_credentials.${task}_asked`;
  const askedBefore = async (): Promise<Connection | undefined> => {
    const row = (await listLifecycleEvents(db, accountId)).find(({ to }) => to === commandId);
    if (row === undefined) return undefined;
    if (row.type !== type) throw new AltaError('CONFLICT', `command ${commandId} was given before, as another one`);
    return { ...connection, credentialVersion: Number(row.from) };
  };
  const before = await askedBefore();
  if (before !== undefined) return { asked: before, repeated: true };
  if (connection.state === 'revoked')
    throw new AltaError('RESOLVE_REFUSED', 'it is revoked: `alta credentials link` makes a link to agree again');
  if (task === 'refresh' && connection.state !== 'connected')
    throw new AltaError('RESOLVE_REFUSED', 'the seller has to agree again: `alta credentials link` makes the link');
  const added = await db.tx('admin-db.ask-about-credentials', async (tx) => {
    // A copy that is asked at the same moment waits here for the first one's end.
    const first = await publish(tx, {
      target: 'credentials',
      eventKey: `credentials.${task}/${accountId}/${commandId}`,
      accountId,
      payload: { type: 'credentials.asked', accountId, task, authorizationId: null },
    });
    const from = String(connection.credentialVersion);
    if (first) await addLifecycleEvent(tx, { accountId, type, from, to: commandId, actor, reason });
    return first;
  });
  return { asked: added ? connection : ((await askedBefore()) ?? connection), repeated: !added };
}
