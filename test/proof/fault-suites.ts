import { median, p99, sum } from '../bench/statistics.ts';
import type { ChaosReport } from '../chaos/report.ts';
import type { RunReport } from '../commands/runs.ts';
import type { SoakReport } from '../soak/report.ts';
import type { Figures, Row, Suite } from './suite.ts';
import { number, seconds } from './words.ts';

/** What every suite of faults counts. */
function counted(what: string): (figures: Figures) => Row[] {
  return ({ run, of, injected, late, violations }) => [
    [`${what} that were run, of how many there are`, `${number(run)} of ${number(of)}`],
    ['faults that struck', number(injected)],
    ...(typeof late === 'number' && late > 0 ? [['acts that came after their run had gone on', number(late)] satisfies Row] : []),
    ['broken laws', number((violations as string[]).length)],
  ];
}

const total = (counts: Readonly<Record<string, number>>): number => sum(Object.values(counts));

function chaosRows(figures: Figures): Row[] {
  const { orders, fleet, struck, traffic, verdict, secrets, evidence, recoveryMs, settledMs, life } = figures as unknown as ChaosReport;
  return [
    ['orders, changes of accounts', `${number(orders)}, ${number(life.given)}`],
    ['webhooks duplicated, shuffled, lost', `${number(traffic.duplicated)}, ${number(traffic.shuffled)}, ${number(traffic.lost)}`],
    ['SIGKILLs, SIGSTOPs', `${number(total(fleet.kills) + total(fleet.boundaryKills))}, ${number(total(fleet.stops))}`],
    [
      'restarts of PostgreSQL, of Temporal; clusters killed',
      `${number(total(struck.postgres))}, ${number(total(struck.temporal))}; ${number(struck.clusters)}`,
    ],
    [
      'lost, doubled, orphaned, forgotten, leaked',
      [verdict.lost, verdict.doubled, verdict.orphaned, verdict.forgotten, secrets.leaked].map(({ length }) => number(length)).join(', '),
    ],
    ['broken laws', number(verdict.violations.length)],
    [
      'duplicates absorbed, stale writes fenced, unknown outcomes resolved',
      `${number(evidence.duplicates.total)}, ${number(evidence.fenced.total)}, ${number(evidence.unknown.total)}`,
    ],
    [
      'recovery after the last fault p50, p99',
      `${seconds(median(recoveryMs))}, ${seconds(p99(recoveryMs))} (${number(recoveryMs.length)} orders)`,
    ],
    ['all settled after', seconds(settledMs)],
  ];
}

function soakRows(figures: Figures): Row[] {
  const { minutes, perSecond, load, unfinished, onboardingMs, slopes, broken } = figures as unknown as SoakReport;
  const own = slopes.filter(({ name }) => /^(worker|relay|api|alta|outbox)/.test(name));
  return [
    ['minutes, orders a second', `${number(minutes)}, ${String(perSecond)}`],
    ['orders paid, without a store', `${number(load.paid)}, ${number(unfinished)}`],
    ['onboarding p50, p99', `${seconds(onboardingMs.p50)}, ${seconds(onboardingMs.p99)}`],
    ...own.map(({ name, measure, mean, perHour, grows }): Row => [
      `${name}: ${measure}, mean, slope an hour`,
      `${mean.toFixed(1)}, ${perHour.toFixed(1)}${grows ? ' (grows)' : ''}`,
    ]),
    ['what went wrong', broken.length === 0 ? 'nothing' : broken.join('; ')],
  ];
}

function commandRows(figures: Figures): Row[] {
  const { runs, commands, kinds, settles, violations } = figures as unknown as RunReport;
  const list = Object.entries(commands).sort(([, a], [, b]) => b - a);
  return [
    ['runs, commands that were done', `${number(runs)}, ${number(total(commands))}`],
    ['kinds of command that were done at least once, of how many', `${number(kinds.done)} of ${number(kinds.of)}`],
    ['commands by kind', list.map(([kind, times]) => `${kind} ${number(times)}`).join(', ')],
    ...(kinds.never.length > 0 ? [['never done', kinds.never.join(', ')] satisfies Row] : []),
    ['rests, at each of which the model and the oracle were asked', number(settles)],
    ['runs that came to something else', number(violations.length)],
  ];
}

/** Faults put in on purpose: one, two, many, by chance, kills, and bugs. */
export const FAULT_SUITES: readonly Suite[] = [
  {
    title: 'Single faults: every boundary of every flow, in every mode',
    command: 'npm run test:pairs -- every',
    args: ['run', '-s', 'test:pairs', '--', 'every', '--minutes', '8'],
    minutes: 12,
    file: 'singles',
    rows: counted('cases'),
  },
  {
    title: 'Pairs of faults in one onboarding',
    command: 'npm run test:pairs -- pairs',
    args: ['run', '-s', 'test:pairs', '--', 'pairs', '--minutes', '4'],
    minutes: 10,
    file: 'pairs',
    rows: counted('pairs'),
  },
  {
    title: 'Random plans of faults',
    command: 'npm run test:pairs -- random',
    args: ['run', '-s', 'test:pairs', '--', 'random', '--minutes', '4'],
    minutes: 10,
    file: 'random',
    rows: counted('plans'),
  },
  {
    title: 'Kills before and after every boundary',
    command: 'npm run test:pairs -- crash',
    args: ['run', '-s', 'test:pairs', '--', 'crash', '--minutes', '4'],
    minutes: 10,
    file: 'crash',
    rows: counted('kills'),
  },
  {
    title: 'Commands of people and faults, in any order, against a model',
    command: 'npm run test:commands',
    args: ['run', '-s', 'test:commands', '--', '--minutes', '8'],
    minutes: 20,
    file: 'commands',
    rows: commandRows,
  },
  {
    title: 'Chaos',
    command: 'npm run chaos',
    args: ['run', '-s', 'chaos', '--', '--minutes', '8'],
    minutes: 30,
    file: 'chaos',
    rows: chaosRows,
  },
  {
    title: 'Deliberate bugs',
    command: 'npm run mutants',
    // As long as half of the rest.
    args: undefined,
    minutes: 45,
    file: 'mutants',
    rows: ({ killed, of }) => [['bugs that the tests caught', `${number(killed)} of ${number(of)}`]],
  },
  {
    title: 'Soak',
    command: 'npm run soak',
    args: ['run', '-s', 'soak', '--', '--minutes', '5'],
    minutes: 20,
    file: 'soak',
    rows: soakRows,
  },
];
