import { expect, test } from '@jest/globals';
import { seededRandom } from '../support/random.ts';
import { makePlan, type Fault } from './plan.ts';

/** A chaos run is worth its figures only when it strikes as often as it says, and can be repeated. */
const OPTIONS = {
  forMs: 600_000,
  killEveryMs: [500, 2_000],
  stops: 0.15,
  stopMs: 5_000,
  postgresEveryMs: 30_000,
  temporalRestarts: 2,
  clusterKills: 3,
  clusters: 2,
} as const;
const plan = makePlan(seededRandom(1), OPTIONS);
const timesOf = (...kinds: Fault['kind'][]): number[] => plan.filter(({ kind }) => kinds.includes(kind)).map(({ atMs }) => atMs);

test('the same seed makes the same plan, another seed another one', () => {
  expect(makePlan(seededRandom(1), OPTIONS)).toEqual(plan);
  expect(makePlan(seededRandom(2), OPTIONS)).not.toEqual(plan);
});

test('a signal every 0.5 to 2 s, a PostgreSQL restart every 30 s, Temporal twice, clusters as often as asked, all in order and in time', () => {
  const signals = timesOf('kill', 'stop');
  const gaps = signals.map((at, index) => at - (signals[index - 1] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
  expect(Math.max(...gaps)).toBeLessThan(2_000);
  expect(signals.length).toBeGreaterThan(300);
  expect(timesOf('postgres')).toEqual(Array.from({ length: 20 }, (_, index) => 15_000 + index * 30_000));
  expect(timesOf('temporal')).toHaveLength(2);
  expect(timesOf('cluster')).toHaveLength(3);
  expect(plan.map(({ atMs }) => atMs)).toEqual(plan.map(({ atMs }) => atMs).sort((a, b) => a - b));
  expect(Math.max(...plan.map(({ atMs }) => atMs))).toBeLessThan(600_000);
});
