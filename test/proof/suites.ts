import { FAULT_SUITES } from './fault-suites.ts';
import type { Row, Suite } from './suite.ts';
import { number, seconds } from './words.ts';

interface ModelCheck {
  expected: string;
  kind: string;
  states: number;
}

interface OutboxPhase {
  name: string;
  rowsPerSecond: number;
  claimP50: number;
  claimP99: number;
}

/** The suites of the report, in its order. */
export const SUITES: readonly Suite[] = [
  ...FAULT_SUITES,
  {
    title: 'Replay corpus',
    command: 'npm run history:coverage',
    args: ['run', '-s', 'history:coverage'],
    minutes: 5,
    file: 'replay',
    rows: ({ histories, failed, branches }) => {
      const { reached, all } = branches as { reached: number; all: number };
      return [
        ['histories, of which do not replay', `${number(histories)}, ${number(failed)}`],
        ['branches of the workflow code that they reach', `${number(reached)} of ${number(all)} (${((100 * reached) / all).toFixed(1)} %)`],
      ];
    },
  },
  {
    title: 'Models of the protocols (Spin)',
    command: 'npm run model',
    args: ['run', '-s', 'model'],
    minutes: 15,
    file: 'model',
    rows: ({ checks }) => {
      const all = checks as ModelCheck[];
      const of = (expected: string): ModelCheck[] => all.filter((check) => check.expected === expected);
      const right = (list: ModelCheck[]): string =>
        `${number(list.filter(({ kind, expected }) => kind === expected).length)} of ${number(list.length)}`;
      return [
        ['models that hold', right(of('holds'))],
        ['states searched for these', number(of('holds').reduce((sum, { states }) => sum + states, 0))],
        ['deliberate errors found', right(of('broken'))],
      ];
    },
  },
  {
    title: '10,000 signals to one account, the server’s limits lowered',
    command: 'npm run bursts -- signals',
    args: ['run', '-s', 'bursts', '--', 'signals'],
    minutes: 10,
    file: 'burst-signals',
    rows: ({ signals, refused, runs, applies, parked, ms, violations }) => [
      ['signals, of which were refused at first and sent again', `${number(signals)}, ${number(refused)}`],
      ['runs of the workflow, applies, parked', `${number(runs)}, ${number(applies)}, ${number(parked)}`],
      ['until the newest version was on the cluster', seconds(ms)],
      ['broken laws', number(violations)],
    ],
  },
  {
    title: 'Orders at a cluster that takes calls and answers none',
    command: 'npm run bursts -- dead-cluster',
    args: ['run', '-s', 'bursts', '--', 'dead-cluster'],
    minutes: 25,
    file: 'burst-dead-cluster',
    rows: ({ orders, mostAtOnce, slots, atTheEnd, recovery, parked, violations }) => {
      const { p50, p99, last } = recovery as { p50: number; p99: number; last: number };
      return [
        ['orders', number(orders)],
        ['connections to the dead cluster at once, at the most (slots of the worker)', `${number(mostAtOnce)} (${number(slots)})`],
        ['jobs when it came back', JSON.stringify(atTheEnd)],
        ['waiting for an operator', number(parked)],
        ['from its return to the end of a run, p50, p99, last', `${seconds(p50)}, ${seconds(p99)}, ${seconds(last)}`],
        ['broken laws', number(violations)],
      ];
    },
  },
  {
    title: 'An outbox of 1,000,000 rows beside an open snapshot',
    command: 'npm run bursts -- outbox',
    args: ['run', '-s', 'bursts', '--', 'outbox'],
    minutes: 10,
    file: 'burst-outbox',
    rows: ({ rows, phases, twice }) => [
      ['rows', number(rows)],
      ...(phases as OutboxPhase[]).map(({ name, rowsPerSecond, claimP50, claimP99 }): Row => [
        `${name}: rows a second, claim of 50 p50, p99`,
        `${number(rowsPerSecond)}, ${claimP50.toFixed(1)} ms, ${claimP99.toFixed(1)} ms`,
      ]),
      ['rows that two claims gave out', number(twice)],
    ],
  },
  {
    title: '1,000 accounts, many events each',
    command: 'npm run bursts -- accounts',
    args: undefined,
    minutes: 60,
    file: 'burst-accounts',
    rows: ({ accounts, events, applies, committedMs, ms, eventsPerSecond, violations }) => [
      ['accounts, events', `${number(accounts)}, ${number(events)}`],
      ['applies', number(applies)],
      ['until the last was committed, until every store was up to date', `${seconds(committedMs)}, ${seconds(ms)}`],
      ['events a second', number(eventsPerSecond)],
      ['broken laws', number(violations)],
    ],
  },
];
