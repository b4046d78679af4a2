import { ms, table } from '../bench/statistics.ts';
import type { Load } from './load.ts';
import type { Measure, Series } from './sampler.ts';
import { grows, slopeOf, type Slope, type Tolerance } from './slopes.ts';

/** What counts as growth within the time that was measured. */
const TOLERANCES: Record<Measure, Tolerance & { unit: string }> = {
  rss: { share: 0.1, amount: 16, unit: 'MiB' },
  fds: { share: 0.1, amount: 10, unit: 'descriptors' },
  connections: { share: 0.1, amount: 4, unit: 'connections' },
  outboxAge: { share: 0.1, amount: 10, unit: 's' },
};

export interface Judged extends Slope {
  name: string;
  measure: Measure;
  last: number;
  grows: boolean;
}

export interface SoakReport {
  at: string;
  machine: string;
  commit: string;
  minutes: number;
  perSecond: number;
  load: Load;
  /** Paid orders whose store is not complete after the time to catch up. */
  unfinished: number;
  /** From the opening of the job to its completion, ms. */
  onboardingMs: { p50: number; p99: number };
  /** Looks of the sampler that came to nothing. */
  failedLooks: number;
  /** Of the beginning, cut off before the slopes are taken, seconds. */
  warmUpSeconds: number;
  slopes: Judged[];
  broken: string[];
}

/** The slopes after the warm-up. Only Alta's own processes and the outbox are judged; what stands beside them is shown. */
export function judgeSeries(series: readonly Series[], warmUpSeconds: number, judged: (name: string) => boolean): Judged[] {
  return series.map(({ name, measure, points }) => {
    const warm = points.filter(({ at }) => at >= warmUpSeconds);
    const last = warm.at(-1)?.value ?? Number.NaN;
    return { name, measure, ...slopeOf(warm), last, grows: judged(name) && grows(warm, TOLERANCES[measure]) };
  });
}

const figure = (value: number): string => (Number.isFinite(value) ? value.toFixed(Math.abs(value) < 10 ? 2 : 0) : '-');

/** The figures as a person reads them. */
export function render(report: SoakReport): string {
  const { load, slopes, broken, onboardingMs } = report;
  const rows = slopes.map(({ name, measure, mean, last, perHour, leastPerHour, mostPerHour, grows: growing }) => [
    `${name} ${measure} (${TOLERANCES[measure].unit})`,
    figure(mean),
    figure(last),
    figure(perHour),
    `${figure(leastPerHour)} to ${figure(mostPerHour)}`,
    growing ? 'GROWS' : '',
  ]);
  return [
    `Alta soak, ${report.at}, commit ${report.commit}: ${String(report.minutes)} minutes at ${String(report.perSecond)} orders/s`,
    report.machine,
    '',
    `  ${String(load.paid)} orders paid, ${String(load.skipped)} left out because too many were open, ${String(load.repeated)} checkouts sent again; ${String(report.unfinished)} unfinished`,
    `  onboarding p50 ${ms(onboardingMs.p50)}, p99 ${ms(onboardingMs.p99)}; ${String(report.failedLooks)} looks failed; slopes after a warm-up of ${String(Math.round(report.warmUpSeconds))} s`,
    '',
    table(['', 'mean', 'last', 'slope an hour', 'its interval of 95 %', ''], rows),
    '',
    broken.length === 0 ? '  Nothing grows.' : `  BROKEN:\n${broken.map((what) => `    ${what}`).join('\n')}`,
    '',
  ].join('\n');
}
