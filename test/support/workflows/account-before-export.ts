import { condition, currentUpdateInfo, patched, proxyActivities, setHandler } from '@temporalio/workflow';
import type { Activities } from '../../../activities/index.ts';
import { accountCommandSchema, type CommandAnswer } from '../../../contract/account-commands.ts';
import { beginState, type Aspect } from '../../../contract/account.ts';
import { dirtyAspects, markDirty, noteApplied } from '../../../workflows/account-inbox.ts';
import { accountCommand, accountState } from '../../../workflows/messages.ts';

const { 'account-command': runCommand, 'apply-aspects': applyAspects } = proxyActivities<Activities>({ startToCloseTimeout: '30 seconds' });

/** What the account workflow did with a command before `delete-exports-first`: runs of it are still open when today's code comes. */
export async function account(accountId: string): Promise<void> {
  const state = beginState(accountId);
  patched('account-under-fire');
  setHandler(accountState, () => state);
  setHandler(accountCommand, async (raw): Promise<CommandAnswer> => {
    const done = await runCommand({ accountId, commandId: currentUpdateInfo()?.id ?? '', command: accountCommandSchema.parse(raw) });
    markDirty(state, done.aspects, done.version);
    await condition(() => done.aspects.every((aspect) => (state.applied[aspect] ?? 0) >= done.version), 20_000);
    return { ...done, store: 'shown', waitsFor: null };
  });
  for (;;) {
    await condition(() => dirtyAspects(state).length > 0);
    const asked = { ...state.dirty };
    noteApplied(state, asked, (await applyAspects({ accountId, aspects: Object.keys(asked) as Aspect[] })) as number);
  }
}
