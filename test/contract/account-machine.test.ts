import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { SUSPENSION_REASONS, type SuspensionReason } from '../../contract/account-events.ts';
import {
  ACCOUNT_ACTIONS,
  ACCOUNT_MACHINE,
  decide,
  OPEN_STATES,
  STORE_STATES,
  type AccountAction,
  type AccountStanding,
  type StoreState,
} from '../../contract/account-machine.ts';

const groupOf = (status: StoreState): string => ((OPEN_STATES as readonly string[]).includes(status) ? 'open' : status);
const subsets = SUSPENSION_REASONS.reduce<SuspensionReason[][]>((all, one) => [...all, ...all.map((some) => [...some, one])], [[]]);

/** Every standing that the machine can come to. */
const STANDINGS: AccountStanding[] = STORE_STATES.flatMap((status) =>
  subsets
    .filter((reasons) => {
      if (status === 'deleted') return true;
      if (status === 'cancelled') return reasons.includes('cancel');
      return status === 'suspended' ? reasons.length > 0 && !reasons.includes('cancel') : reasons.length === 0;
    })
    .map((reasons) => ({ status, openStatus: groupOf(status) === 'open' ? null : ('live' as const), reasons })),
);
const CAUSES = SUSPENSION_REASONS.filter((reason) => reason !== 'cancel');

const edges = new Set<string>();
for (const now of STANDINGS) {
  for (const action of ACCOUNT_ACTIONS) {
    for (const cause of CAUSES) {
      const decision = decide(action, now, cause);
      if (decision.ok) edges.add(`${groupOf(now.status)} --> ${groupOf(decision.standing.status)}: ${action}`);
    }
  }
}

test('P-303 to P-307: the picture in ARCHITECTURE.md has exactly the edges that the machine has', () => {
  const text = readFileSync(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const [, picture = ''] = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(text) ?? [];
  const drawn = [...picture.matchAll(/^ *(\w+ --> \w+): (.+)$/gm)].flatMap(([, arrow, actions]) =>
    actions!.split(', ').map((action) => `${arrow!}: ${action}`),
  );
  expect(drawn.length).toBeGreaterThan(20);
  expect(drawn.sort()).toEqual([...edges].sort());
});

const PAIRS = ACCOUNT_ACTIONS.flatMap((action) => STORE_STATES.map((status) => [action, status] as const));

test.each(PAIRS)(
  'P-305: %s of an account that is %s does what the table says, or is refused with the states in which it is possible',
  (action, status) => {
    const to = ACCOUNT_MACHINE[action][status];
    for (const now of STANDINGS.filter((one) => one.status === status)) {
      const decision = decide(action, now, now.reasons.find((reason) => reason !== 'cancel') ?? 'pause');
      if (to === undefined) {
        expect(decision.ok).toBe(false);
        const why = decision.ok ? '' : decision.why;
        expect(why).toContain(`the account is ${status}`);
        for (const possible of STORE_STATES)
          expect(why.includes(` ${possible}`)).toBe(possible === status || ACCOUNT_MACHINE[action][possible] !== undefined);
        continue;
      }
      if (!decision.ok) throw new Error(decision.why);
      const { standing } = decision;
      if (to === 'same') expect(standing).toEqual(now);
      if (to === 'approved') expect(standing).toEqual({ ...now, status: 'approved' });
      if (to === 'deleted') expect(standing).toMatchObject({ status: 'deleted', reasons: now.reasons });
      if (to === 'reasons') {
        const expected = standing.reasons.includes('cancel') ? 'cancelled' : standing.reasons.length > 0 ? 'suspended' : 'open';
        expect(groupOf(standing.status)).toBe(expected);
      }
    }
  },
);

test('O-27: a cause that does not stand cannot be taken away', () => {
  const now: AccountStanding = { status: 'suspended', openStatus: 'live', reasons: ['past_due'] };
  expect(decide('resume', now, 'pause')).toEqual({ ok: false, why: 'resume: the account is not suspended by pause, but by past_due' });
});

test('P-305: whatever is done to an account, in whatever order, it goes back to the open state that it came from, and runs exactly without reasons', () => {
  const step = fc.tuple(
    fc.constantFrom<AccountAction>('suspend', 'resume', 'cancel', 'delete', 'restore', 'hold'),
    fc.constantFrom(...CAUSES),
  );
  fc.assert(
    fc.property(fc.constantFrom(...OPEN_STATES), fc.array(step, { maxLength: 30 }), (home, steps) => {
      let now: AccountStanding = { status: home, openStatus: null, reasons: [] };
      for (const [action, cause] of steps) {
        const decision = decide(action, now, cause);
        if (decision.ok) now = decision.standing;
        if (groupOf(now.status) === 'open') expect(now).toEqual({ status: home, openStatus: null, reasons: [] });
        else expect(now.openStatus).toBe(home);
        if (now.status !== 'deleted') expect(now.reasons.length === 0).toBe(groupOf(now.status) === 'open');
        expect(new Set(now.reasons).size).toBe(now.reasons.length);
      }
    }),
  );
});
