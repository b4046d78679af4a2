import { Counter, Histogram, Registry } from 'prom-client';

/** What one process counts with: a registry of its own, and makers of counters and of histograms in seconds upon it. */
export function meters(buckets: number[]) {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    counter: <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
      new Counter({ name, help, labelNames, registers }),
    histogram: <L extends string>(name: string, help: string, ...labelNames: L[]): Histogram<L> =>
      new Histogram({ name, help, labelNames, buckets, registers }),
  };
}
