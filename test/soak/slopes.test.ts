import { expect, test } from '@jest/globals';
import { seededRandom } from '../support/random.ts';
import { grows, slopeOf, type Point } from './slopes.ts';

/** The rule by which `npm run soak` tells a leak from noise and from what fills up and stays. */
const noise = seededRandom(20_261_125);
const series = (value: (at: number) => number, scatter: number): Point[] =>
  Array.from({ length: 240 }, (_, index) => ({ at: index * 15, value: value(index * 15) + (noise() - 0.5) * scatter }));
const TOLERANCE = { share: 0.1, amount: 16 };

test('a straight line has its slope, exactly and per hour', () => {
  const slope = slopeOf([0, 1, 2, 3].map((at) => ({ at, value: 100 + 2 * at })));
  expect(slope).toMatchObject({ points: 4, mean: 103 });
  expect(slope.perHour).toBeCloseTo(7_200, 6);
  expect(slope.mostPerHour - slope.leastPerHour).toBeCloseTo(0, 6);
});

test('a leak under noise is found', () => {
  expect(
    grows(
      series((at) => 200 + at / 60, 40),
      TOLERANCE,
    ),
  ).toBe(true);
});

test('noise, a fall, and what fills up and stays are no leak', () => {
  expect(
    grows(
      series(() => 200, 40),
      TOLERANCE,
    ),
  ).toBe(false);
  expect(
    grows(
      series((at) => 300 - at / 60, 40),
      TOLERANCE,
    ),
  ).toBe(false);
  expect(
    grows(
      series((at) => 200 + 150 * (1 - Math.exp(-at / 300)), 20),
      TOLERANCE,
    ),
  ).toBe(false);
});

test('growth below the tolerance, or of a handful of points, is not told of', () => {
  expect(
    grows(
      series((at) => 200 + at / 600, 2),
      TOLERANCE,
    ),
  ).toBe(false);
  expect(grows(series((at) => 200 + at, 1).slice(0, 11), TOLERANCE)).toBe(false);
});
