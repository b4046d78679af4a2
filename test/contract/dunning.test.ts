import fc from 'fast-check';
import { dunningPolicySchema, transitions, type DueFacts, type DunningPolicy } from '../../contract/dunning.ts';

const policy: DunningPolicy = { graceDays: 7, deleteAfterDays: 30 };
const facts = (more: Partial<DueFacts> = {}): DueFacts => ({
  status: 'live',
  reasons: [],
  trialEndsAt: null,
  paidUntil: '2026-12-01T00:00:00.000Z',
  done: [],
  ...more,
});
const steps = (of: DueFacts, now = '2026-11-25T00:00:00Z', by = policy): [string, string][] =>
  transitions(of, by, new Date(now)).map(({ step, at }) => [step, at.slice(0, 10)]);
const suspended = { reason: 'past_due', actor: 'alta:dunning', since: '2026-12-08T00:00:00.000Z' } as const;

test('a due date brings a reminder, then the suspension after the grace, then the deletion', () => {
  expect(steps(facts())).toEqual([
    ['remind', '2026-12-01'],
    ['suspend', '2026-12-08'],
    ['delete', '2027-01-07'],
  ]);
});

test('the later of trial and payment counts, and nothing is due without a date', () => {
  expect(steps(facts({ trialEndsAt: '2026-12-20T00:00:00.000Z' }))[0]).toEqual(['remind', '2026-12-20']);
  expect(steps(facts({ paidUntil: null, trialEndsAt: null }))).toEqual([]);
  expect(steps(facts({ status: 'deleted' }))).toEqual([]);
});

test('a suspension ends once it is paid; one that an operator ended, or made, stays as it is', () => {
  const paid = facts({ status: 'suspended', reasons: [suspended], paidUntil: '2027-01-01T00:00:00.000Z' });
  expect(steps(paid, '2026-12-10T00:00:00Z')[0]).toEqual(['resume', '2026-12-08']);
  expect(steps(facts({ done: ['remind', 'suspend'] }), '2026-12-10T00:00:00Z')).toEqual([]);
  const byOperator = facts({ status: 'suspended', reasons: [{ ...suspended, actor: 'ana' }], paidUntil: '2027-01-01T00:00:00.000Z' });
  expect(steps(byOperator, '2026-12-10T00:00:00Z')).toEqual([]);
});

test('a cancelled account is deleted so many days after its cancellation, or never', () => {
  const cancelled = facts({ status: 'cancelled', reasons: [{ reason: 'cancel', actor: 'ana', since: '2026-11-01T00:00:00.000Z' }] });
  expect(steps(cancelled)).toEqual([['delete', '2026-12-01']]);
  expect(steps(cancelled, undefined, { ...policy, deleteAfterDays: null })).toEqual([]);
});

const date = fc.integer({ min: 0, max: 400 }).map((day) => new Date(Date.UTC(2026, 0, 1 + day)).toISOString());
const dates = fc.option(date);
const anyFacts: fc.Arbitrary<DueFacts> = fc.record({
  status: fc.constantFrom('live' as const, 'suspended' as const, 'cancelled' as const, 'deleted' as const),
  reasons: fc.subarray([suspended, { reason: 'cancel', actor: 'ana', since: '2026-05-01T00:00:00.000Z' } as const]),
  trialEndsAt: dates,
  paidUntil: dates,
  done: fc.subarray(['remind', 'suspend', 'delete'] as const),
});

test('property: each step at most once, in order of time, and none that was taken', () => {
  fc.assert(
    fc.property(anyFacts, date, (of, now) => {
      const found = transitions(of, policy, new Date(now));
      expect(new Set(found.map(({ step }) => step)).size).toBe(found.length);
      expect(found.map(({ at }) => at)).toEqual(found.map(({ at }) => at).sort());
      for (const { step } of found) expect(of.done).not.toContain(step);
    }),
  );
});

test('property: what is due stays due while the clock runs, except that paid for is decided by now', () => {
  fc.assert(
    fc.property(anyFacts, date, date, (of, a, b) => {
      const [early, late] = [a, b].sort() as [string, string];
      const due = (at: string): string[] =>
        transitions(of, policy, new Date(at)).flatMap(({ step, at: when }) => (when <= at && step !== 'resume' ? [step] : []));
      expect(due(late)).toEqual(expect.arrayContaining(due(early)));
    }),
  );
});

test('property: more grace never suspends sooner', () => {
  fc.assert(
    fc.property(anyFacts, date, fc.nat(60), fc.nat(60), (of, now, a, b) => {
      const at = (graceDays: number): string =>
        transitions(of, { graceDays, deleteAfterDays: null }, new Date(now)).find(({ step }) => step === 'suspend')?.at ?? '';
      expect(at(Math.max(a, b)) >= at(Math.min(a, b))).toBe(true);
    }),
  );
});

test('a policy that makes no sense is refused with the name of its field', () => {
  expect(dunningPolicySchema.safeParse({ graceDays: -1 }).error?.issues[0]?.path).toEqual(['graceDays']);
  expect(dunningPolicySchema.safeParse({ grace: 3 }).success).toBe(false);
  expect(dunningPolicySchema.parse({})).toEqual({ graceDays: 7, deleteAfterDays: null });
});
