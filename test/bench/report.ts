import type { Anatomy, Counts } from './anatomy.ts';
import { median, ms, p99, sum, table, times } from './statistics.ts';
import type { Moment } from './timeline.ts';
import type { Batch } from './variants.ts';
import type { Acks } from './webhook-ack.ts';

/** How many at once; 1 stands for one after another. */
export type Load = 1 | 20 | 50;

export interface Result {
  variant: string;
  load: Load;
  batches: Batch[];
}

export interface Report {
  machine: string;
  commit: string;
  at: string;
  results: Result[];
  webhookAckMs: number[];
  acks: AckReport;
  timeline: Moment[];
  anatomy: Anatomy[];
}

/** Webhook answers at a steady rate. */
export interface AckReport {
  perSecond: number;
  up: Acks;
  down: Acks;
}

const latencies = ({ batches }: Result): number[] => batches.flatMap(({ each }) => each);
const perSecond = ({ batches }: Result): number =>
  (sum(batches.map(({ each }) => each.length)) * 1_000) / sum(batches.map(({ all }) => all));

/** CPU of one process or of all, ms an item. */
const cpuEach = ({ batches }: Result, name?: string): number =>
  sum(batches.flatMap((batch) => (name === undefined ? Object.values(batch.cpu) : [batch.cpu[name] ?? 0]))) /
  sum(batches.map(({ each }) => each.length));

function measures(report: Report): string {
  const of = (variant: string, load: Load): Result | undefined =>
    report.results.find((one) => one.variant === variant && one.load === load);
  const cells = (variant: string): string[] => {
    const [alone, at20, at50] = [of(variant, 1), of(variant, 20), of(variant, 50)];
    return [
      variant,
      ms(median(alone ? latencies(alone) : [])),
      ms(p99(alone ? latencies(alone) : [])),
      at20 ? `${times(perSecond(at20))}/s` : '-',
      at50 ? `${times(perSecond(at50))}/s` : '-',
      ms(at50 ? cpuEach(at50) : Number.NaN),
    ];
  };
  const names = [...new Set(report.results.map(({ variant }) => variant))];
  return table(['', 'p50 alone', 'p99 alone', '20 at once', '50 at once', 'CPU each (50)'], names.map(cells));
}

function ratios(report: Report): string {
  const names = [...new Set(report.results.map(({ variant }) => variant))];
  const value = (variant: string | undefined, load: Load): number => {
    const result = report.results.find((one) => one.variant === variant && one.load === load);
    if (result === undefined) return Number.NaN;
    return load === 1 ? median(latencies(result)) : 1_000 / perSecond(result);
  };
  const plain = names.find((name) => name.startsWith('(a)'));
  const rows = names
    .filter((name) => name.startsWith('Alta'))
    .flatMap((alta, index) => {
      const noop = names.filter((name) => name.startsWith('(b)'))[index];
      return [['(a)', plain] as const, ['(b)', noop] as const].map(([short, other]) => [
        `${alta} / ${short}`,
        ...([1, 20, 50] as const).map((load) => times(value(alta, load) / value(other, load))),
      ]);
    });
  return table(['time of Alta / time of the other', 'p50 alone', '20 at once', '50 at once'], rows);
}

function cpu(report: Report): string {
  const at50 = report.results.filter(({ load }) => load === 50);
  const names = [...new Set(at50.flatMap(({ batches }) => batches.flatMap((batch) => Object.keys(batch.cpu))))];
  return table(
    ['CPU an item at 50 at once', ...names],
    at50.map((result) => [result.variant, ...names.map((name) => ms(cpuEach(result, name)))]),
  );
}

const total = (counts: Counts): number => sum(Object.values(counts));
const list = (counts: Counts): string =>
  Object.entries(counts)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([name, count]) => `    ${String(count).padStart(3)}  ${name}`)
    .join('\n');

function anatomy({ mode, effects, sql, http, events }: Anatomy): string {
  return [
    `One onboarding, fast path ${mode === 'fast' ? 'on' : 'off'}: ${total(http)} HTTP requests, ${sql} SQL statements, ${total(effects)} effects, ${total(events)} history events`,
    '  HTTP requests (relay and worker):',
    list(http),
    '  history events:',
    list(events),
    '  effects:',
    list(effects),
  ].join('\n');
}

/** Webhook answers under load, as a person reads them. */
export function renderAcks({ perSecond, up, down }: AckReport): string {
  const row = (name: string, { answers, refused }: Acks): string[] => [
    name,
    String(answers.length),
    String(refused),
    ms(median(answers)),
    ms(p99(answers)),
  ];
  const ratio = ['down / up', '', '', times(median(down.answers) / median(up.answers)), times(p99(down.answers) / p99(up.answers))];
  return table(
    [`webhooks at ${perSecond}/s`, 'requests', 'refused', 'p50', 'p99'],
    [row('Temporal up', up), row('Temporal down', down), ratio],
  );
}

/** The report as a person reads it. */
export function render(report: Report): string {
  return [
    `Alta bench, ${report.at}, commit ${report.commit}`,
    report.machine,
    'Alta: from the payment at the simulator, by its signed webhook over HTTP, to the job being completed. p99 of 20 is the slowest.',
    '',
    measures(report),
    '',
    ratios(report),
    '',
    `Webhook answered after p50 ${ms(median(report.webhookAckMs))}, p99 ${ms(p99(report.webhookAckMs))} (${report.webhookAckMs.length} requests, one after another)`,
    '',
    renderAcks(report.acks),
    '',
    table(
      ['where the time goes alone, fast path on (since the webhook came in)', 'begins', 'ends', 'takes'],
      report.timeline.map(({ what, from, to }) => [what, ms(from), ms(to), ms(to - from)]),
    ),
    '',
    cpu(report),
    '',
    ...report.anatomy.map(anatomy),
    '',
  ].join('\n');
}
