import { median, ms, p99, sum } from '../bench/statistics.ts';
import type { ChaosResult } from './run.ts';

export interface ChaosReport extends ChaosResult {
  at: string;
  machine: string;
  commit: string;
  /** How long the faults went on. */
  minutes: number;
  /** How long it all took. */
  tookMs: number;
}

const total = (counts: Readonly<Record<string, number>>): number => sum(Object.values(counts));
const each = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${String(count)}`)
    .join(', ');

const WIDTHS = { name: 30, count: 16 };

/** The figures of the catalogue: what was done to it, what went wrong, and how often each protection was needed. */
export function render(report: ChaosReport): string {
  const { fleet, struck, traffic, life, evidence, verdict, secrets, recoveryMs, settledMs, broken } = report;
  const { duplicates, fenced, unknown, again } = evidence;
  const rows: [string, number | string, string][] = [
    [
      'orders',
      report.orders,
      `webhooks: ${each({ plain: traffic.plain, duplicated: traffic.duplicated, shuffled: traffic.shuffled, lost: traffic.lost })}`,
    ],
    [
      'changes of accounts',
      life.given,
      `given again after no answer ${String(life.repeated)}, after one that nobody foresaw ${String(total(life.unforeseen))}`,
    ],
    [
      'SIGKILLs',
      total(fleet.kills) + total(fleet.boundaryKills),
      `at any moment: ${each(fleet.kills)}; at a boundary: ${each(fleet.boundaryKills)}`,
    ],
    ['SIGSTOPs', total(fleet.stops), each(fleet.stops)],
    ['starts of processes', fleet.starts, `came to nothing ${String(fleet.failedStarts)}`],
    ['PostgreSQL restarts', total(struck.postgres), each(struck.postgres)],
    ['Temporal restarts', total(struck.temporal), each(struck.temporal)],
    ['clusters killed', struck.clusters, ''],
    ['lost', verdict.lost.length, 'approved payments without their whole store'],
    ['doubled', verdict.doubled.length, 'stores, owners, runs, slots, commands'],
    ['orphaned', verdict.orphaned.length, 'rows, people or objects on clusters that belong to nobody who paid'],
    ['forgotten', verdict.forgotten.length, 'answered changes that left no trace'],
    [
      'leaked',
      secrets.leaked.length,
      `${String(Math.round(secrets.characters / 1e6))} million characters searched, ${String(secrets.histories)} histories opened`,
    ],
    ['broken laws', verdict.violations.length, 'by the oracle'],
    [
      'duplicates absorbed',
      duplicates.total,
      each({
        webhooks: duplicates.webhooksRepeated,
        'known payments': duplicates.notificationsOfKnownPayments,
        'cluster writes': duplicates.clusterWritesRepeated,
      }),
    ],
    [
      'stale writes fenced',
      fenced.total,
      each({ 'cluster writes': fenced.clusterWrites, 'outbox marks': fenced.outboxMarks, 'held on the wire': evidence.heldOnTheWire }),
    ],
    [
      'unknown outcomes resolved',
      unknown.total,
      each({
        'cluster writes nobody heard of': unknown.clusterWritesUnheard,
        'killed after the act': unknown.killedAfterTheAct,
        'checkouts nobody heard of': unknown.checkoutsUnheard,
      }),
    ],
    ['tried again', again.steps + again.outboxRows, each({ steps: again.steps, 'outbox rows': again.outboxRows })],
    ['payments only the poll found', evidence.foundByPoll, ''],
    [
      'recovery p50 / p99',
      `${ms(median(recoveryMs))} / ${ms(p99(recoveryMs))}`,
      `${String(recoveryMs.length)} onboardings that the last fault left unfinished`,
    ],
    ['all settled after', settledMs === null ? 'never' : ms(settledMs), 'since the last fault'],
  ];
  return [
    `Alta chaos, ${report.at}, commit ${report.commit}, seed ${String(report.seed)}: ${String(report.minutes)} minutes of faults, ${String(Math.round(report.tookMs / 1_000))} s in all`,
    report.machine,
    '',
    ...rows.map(([name, count, more]) => `  ${name.padEnd(WIDTHS.name)}${String(count).padStart(WIDTHS.count)}  ${more}`.trimEnd()),
    '',
    broken.length === 0 ? '  Every law held.' : `  BROKEN:\n${broken.map((what) => `    ${what}`).join('\n')}`,
    '',
  ].join('\n');
}

/** Protections that no fault reached: a run that shows nothing of them proves nothing of them. */
export function untouched({ evidence: { duplicates, fenced, unknown }, traffic, evidence }: ChaosResult): string[] {
  const counts = {
    'duplicates absorbed': duplicates.total,
    'stale writes fenced': fenced.total,
    'unknown outcomes resolved': unknown.total,
  };
  const none = Object.entries(counts).flatMap(([name, count]) =>
    count > 0 ? [] : [`${name}: none, so the faults missed what they were for`],
  );
  return traffic.lost > 0 && evidence.foundByPoll === 0 ? [...none, 'no payment was found by the poll alone'] : none;
}
