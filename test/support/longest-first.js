import TestSequencer from '@jest/test-sequencer';

/** Files that take a minute or more, the longest first. */
const LONGEST = [
  'faults/single',
  'onboarding/sigterm',
  'network/lines',
  'onboarding/killed',
  'money/refund-killed',
  'versioning/rollout',
  'commands/commands',
  'chaos/chaos',
];

/** Begins with the files that take longest, so that none of them runs alone at the end; a fresh clone knows no times to sort by. */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const index = LONGEST.findIndex((name) => path.endsWith(`/test/${name}.test.ts`));
      return index < 0 ? LONGEST.length : index;
    };
    const others = super.sort(tests);
    return [...others].sort((a, b) => rank(a) - rank(b));
  }
}
