import { between, pick } from '../support/random.ts';

export const KINDS = ['worker', 'relay', 'api'] as const;
/** Alta's own processes. */
export type Kind = (typeof KINDS)[number];

/** How many processes of each kind run at once. */
export type FleetSize = Readonly<Record<Kind, number>>;

export type Act =
  /** SIGKILL, or SIGSTOP for a while, of a running process; `pick` (0 to 1) chooses which. */
  | { kind: 'kill'; pick: number }
  | { kind: 'stop'; pick: number; forMs: number }
  /** `fast` closes connections; `immediate` ends without a word and recovers from the log, as after a crash. */
  | { kind: 'postgres'; how: 'fast' | 'immediate'; downMs: number }
  | { kind: 'temporal'; how: 'SIGTERM' | 'SIGKILL'; downMs: number }
  | { kind: 'cluster'; which: number; downMs: number };

/** A fault and when it strikes, ms since the faults began. */
export type Fault = Act & { atMs: number };

export interface PlanOptions {
  forMs: number;
  /** Between two signals to processes, ms. */
  killEveryMs: readonly [least: number, most: number];
  /** Share of the signals that only stop a process. */
  stops: number;
  stopMs: number;
  postgresEveryMs: number;
  temporalRestarts: number;
  clusterKills: number;
  clusters: number;
}

/** The whole plan, made before anything happens: the same seed strikes at the same moments. */
export function makePlan(random: () => number, options: PlanOptions): Fault[] {
  const { forMs, killEveryMs, stops, stopMs, postgresEveryMs, temporalRestarts, clusterKills, clusters } = options;
  const plan: Fault[] = [];
  for (let atMs = between(random, ...killEveryMs); atMs < forMs; atMs += between(random, ...killEveryMs)) {
    plan.push(random() < stops ? { atMs, kind: 'stop', pick: random(), forMs: stopMs } : { atMs, kind: 'kill', pick: random() });
  }
  for (let atMs = postgresEveryMs / 2, turn = 0; atMs < forMs; atMs += postgresEveryMs, turn += 1)
    plan.push({ atMs, kind: 'postgres', how: turn % 2 === 0 ? 'fast' : 'immediate', downMs: between(random, 0, 2_000) });
  /** Spread over the time, each anywhere in its share. */
  const spread = (count: number, index: number): number => ((index + between(random, 0.2, 0.8)) * forMs) / count;
  for (let index = 0; index < temporalRestarts; index += 1) {
    const how = index % 2 === 0 ? 'SIGTERM' : 'SIGKILL';
    plan.push({ atMs: spread(temporalRestarts, index), kind: 'temporal', how, downMs: between(random, 500, 3_000) });
  }
  for (let index = 0; index < clusterKills; index += 1) {
    const which = Math.floor(random() * clusters);
    plan.push({ atMs: spread(clusterKills, index), kind: 'cluster', which, downMs: between(random, 3_000, 10_000) });
  }
  return plan.sort((a, b) => a.atMs - b.atMs);
}

/** Boundaries at which a process of each kind ends, or stops, by itself: more harmful than any moment of the clock. */
const BOUNDARIES: Record<Kind, readonly string[]> = {
  worker: [
    'mercadopago.get-payment',
    'admin-db.begin-step',
    'admin-db.end-step',
    'admin-db.claim-slug',
    'admin-db.take-slot',
    'cluster.upsert-client',
    'cluster.create-auth-user',
    'cluster.put-admin-user',
    'cluster.set-mp-credentials',
    'cluster.seed-content',
    'cluster.put-assets',
    'cluster.set-entitlements',
    'admin-db.activate-account',
    'cluster.publish-client',
    'temporal.start-account',
    'mailer.send',
  ],
  relay: ['relay.deliver', 'relay.mark', 'mercadopago.get-payment', 'admin-db.claim-outbox'],
  api: ['admin-db.accept-notification', 'admin-db.checkout', 'mercadopago.create-preference'],
};

/** Where the next process of a kind is to end (or to stop) by itself, for `kill-at.ts`; undefined for one that is left alone. */
export function makeDoom(random: () => number, kind: Kind, share: number): string | undefined {
  const doomed = random() < share;
  const boundary = pick(random, BOUNDARIES[kind]);
  const when = random() < 0.5 ? 'before' : 'after';
  const passage = 1 + Math.floor(random() * 4);
  const signal = random() < 0.4 ? ':SIGSTOP' : '';
  return doomed ? `${boundary}:${when}:${String(passage)}${signal}` : undefined;
}
