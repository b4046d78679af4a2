import type { StoreArchiveRow } from '../../adapters/admin-db/index.ts';
import type { CommandAnswer } from '../../contract/account-commands.ts';
import type { AccountStory, CredentialsAnswer } from '../index.ts';
import { age, facts } from './output.ts';

/** What `alta accounts ...` prints. */
export function credentialsOf({ accountId, state, credentialVersion, store, waitsFor }: CredentialsAnswer): string {
  return facts([
    ['account', accountId],
    ['credentials', `${state}, version ${String(credentialVersion)}`],
    ['store', storeWords(store, waitsFor)],
  ]);
}

const storeWords = (store: 'shown' | 'waiting', waitsFor: string | null): string =>
  store === 'shown' ? 'shows it' : `will show it; waits for ${waitsFor ?? 'nothing'}`;

export function answerOf(answer: CommandAnswer): string {
  const { action, status, version, reasons, held, overLimits, store, waitsFor, commandId, archive } = answer;
  const over = (overLimits ?? []).map(({ limit, used, allowed }) => `${limit} ${String(used)} of ${String(allowed)}`);
  return facts([
    ['done', `${action}: the account is ${status}${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}, version ${String(version)}`],
    ['store', storeWords(store, waitsFor)],
    ['held', held ? 'nothing is written to the store until the release' : null],
    ['over its limits', over.length > 0 ? `${over.join(', ')}; it keeps what it has` : null],
    ['archive', archive ?? null],
    ['command', commandId],
  ]);
}

export function archiveOf({ location, madeAt, bytes, sha256, counts, commandId }: StoreArchiveRow): string {
  const rows = Object.entries(counts).filter(([, n]) => n > 0);
  return facts([
    ['archive', location],
    ['made', madeAt],
    ['holds', `${rows.map(([what, n]) => `${String(n)} ${what}`).join(', ')}; ${String(bytes)} bytes`],
    ['sha256', sha256],
    ['command', commandId],
  ]);
}

export function storyOf({ account, commands, audit, workflow }: AccountStory): string {
  const addons = account.addons.map(
    ({ key, quantity, expiresAt }) => `${String(quantity)} ${key}${expiresAt === null ? '' : ` until ${expiresAt}`}`,
  );
  const dirty = workflow === null ? null : Object.entries(workflow.dirty).map(([aspect, version]) => `${aspect} ${String(version)}`);
  const parts = [
    facts([
      ['account', `${account.accountId} (${account.status}), version ${String(account.version)}`],
      ['store', `${account.slug} on ${account.clusterId ?? 'no cluster'}`],
      ['plan', `${account.planKey}${account.billingPeriod === null ? '' : `, ${account.billingPeriod}`}`],
      ['add-ons', addons.join(', ')],
      ['overrides', account.overrides.map(({ kind, key, value }) => `${kind} ${key}: ${String(value)}`).join(', ')],
      ['stopped by', account.reasons.map(({ reason, actor }) => `${reason} (${actor})`).join(', ')],
      ['held', account.heldSince === null ? null : `for ${age(account.heldSince)}`],
      ['deleted', account.deletedAt],
      ['next due', workflow?.due ? `${workflow.due.step} at ${workflow.due.at}` : null],
      [
        'workflow',
        workflow === null ? 'does not answer' : dirty?.length === 0 ? 'nothing to do' : `has to write ${dirty?.join(', ') ?? ''}`,
      ],
      [
        'failing',
        workflow?.failing ? `${workflow.failing.code}, ${String(workflow.failing.attempts)} times: ${workflow.failing.message}` : null,
      ],
      [
        'parked',
        workflow !== null && workflow.bad.count > 0 ? `${String(workflow.bad.count)} messages, last: ${workflow.bad.last ?? ''}` : null,
      ],
    ]),
  ];
  if (commands.length > 0)
    parts.push(
      `commands:\n${commands.map(({ at, actor, reason, record }) => `  ${at}  ${actor}: ${record.action}: ${reason}`).join('\n')}`,
    );
  if (audit.length > 0)
    parts.push(
      `audit:\n${audit.map(({ at, actor, type, from, to, reason }) => `  ${at}  ${actor}: ${type} ${from ?? ''} -> ${to ?? ''}: ${reason}`).join('\n')}`,
    );
  return parts.join('\n\n');
}
