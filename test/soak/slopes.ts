import { sum } from '../bench/statistics.ts';

/** One measured value and when, seconds since the beginning. */
export interface Point {
  at: number;
  value: number;
}

/** A straight line through the points by least squares. */
export interface Slope {
  points: number;
  mean: number;
  /** Per hour, and the ends of its interval of 95 %, which takes the points for independent. */
  perHour: number;
  leastPerHour: number;
  mostPerHour: number;
}

const HOUR = 3_600;
/** Half the width of an interval of 95 %, in standard errors. */
const Z = 1.96;

/** The slope of a series; NaN of fewer than three points, or when all were measured at one moment. */
export function slopeOf(points: readonly Point[]): Slope {
  const count = points.length;
  const meanAt = sum(points.map(({ at }) => at)) / count;
  const mean = sum(points.map(({ value }) => value)) / count;
  const spread = sum(points.map(({ at }) => (at - meanAt) ** 2));
  const slope = sum(points.map(({ at, value }) => (at - meanAt) * (value - mean))) / spread;
  const rest = sum(points.map(({ at, value }) => (value - mean - slope * (at - meanAt)) ** 2));
  const error = count < 3 ? Number.NaN : Math.sqrt(rest / (count - 2) / spread);
  const [perHour, width] = [slope * HOUR, Z * error * HOUR];
  return { points: count, mean, perHour, leastPerHour: perHour - width, mostPerHour: perHour + width };
}

/** What counts as growth of one kind of value: at least this share of its mean, and at least this much. */
export interface Tolerance {
  share: number;
  amount: number;
}

/**
 * The rule: a series grows when the least slope that fits it makes more than the tolerance within the time that was measured, and its
 * second half still grows. What fills up and stays (caches, pools, a heap that finds its size) does not, however steep it began.
 */
export function grows(points: readonly Point[], { share, amount }: Tolerance): boolean {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || points.length < 12) return false;
  const whole = slopeOf(points);
  const half = slopeOf(points.slice(Math.floor(points.length / 2)));
  const grown = (whole.leastPerHour * (last.at - first.at)) / HOUR;
  return grown > Math.max(share * whole.mean, amount) && half.leastPerHour > 0;
}
