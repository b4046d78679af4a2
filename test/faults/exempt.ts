/**
 * Boundaries of the code that no flow of the matrix passes, and why that is right; a `*` stands for any part of a name. Everything else
 * has its rows: a new boundary fails the suite until a flow passes it or it stands here, and so does one that stands here in vain.
 */
export const EXEMPT: readonly (readonly [names: readonly string[], reason: string])[] = [
  [
    [
      'admin-db.list-archives',
      'admin-db.list-clusters',
      'admin-db.list-commands',
      'admin-db.list-connections',
      'admin-db.list-dead-letters',
      'admin-db.list-jobs',
      'admin-db.list-outbox',
      'admin-db.list-refunds',
      'admin-db.show-job-by-slug',
      'admin-db.show-outbox',
      'admin-db.told-credentials',
      'admin-db.money-report',
      'admin-db.outbox-health',
      'admin-db.outbox-stats',
      'admin-db.verified-accounts',
      'admin-db.broken-rows',
      'admin-db.known-payments',
      'admin-db.sent-refunds',
      'admin-db.stand-of-accounts',
      'cluster.list-folders',
      'cluster.list-tenants',
      'cluster.list-users',
      'temporal.query-account',
      'temporal.fetch-history',
      'temporal.count-runs',
      'temporal.list-runs',
      'temporal.describe-run',
      'temporal.list-schedules',
      'temporal.describe-schedule',
      'temporal.describe-deployment',
    ],
    'a look of an operator, or of the oracle: it changes nothing, and whoever looks sees that it failed',
  ],
  [
    ['admin-db.doctor-*', 'admin-db.pending-migrations', 'cluster.schema-report', 'mailer.verify', 'temporal.connect', 'temporal.doctor'],
    'a check of `alta doctor` or of a start: its failure is its answer (test/observe/doctor.test.ts)',
  ],
  [['admin-db.ready', 'admin-db.read-state', 'temporal.probe'], 'a probe or a scrape: its failure is its answer (test/probes.test.ts)'],
  [['alerts.post'], 'an alert that cannot be posted is in the log already (test/observe/alerts.test.ts)'],
  [
    ['admin-db.find-tenant', 'admin-db.load-cluster-address', 'cluster.read-open-store'],
    "a visitor's read of an open store, who loads the page again",
  ],
  [
    [
      'admin-db.register-cluster',
      'admin-db.set-cluster-state',
      'admin-db.pause-target',
      'admin-db.resume-target',
      'admin-db.discard-outbox',
      'admin-db.decide-without-run',
      'admin-db.abandon-onboarding',
      'admin-db.retry-onboarding',
    ],
    'an act of an operator in one transaction, given again when no answer came (test/cli.test.ts, test/outbox, test/upkeep/operations.test.ts)',
  ],
  [
    ['temporal.apply-schedule', 'temporal.delete-schedule', 'temporal.set-current-version', 'temporal.set-ramping-version'],
    'a part of a deployment, which is run again (test/upkeep/schedules.test.ts, test/versioning)',
  ],
  [['admin-db.migrate'], 'migrations run before anything else and are repeated whole (test/admin-db/schema.test.ts)'],
  [
    ['admin-db.add-lifecycle-event', 'admin-db.count-sealed', 'admin-db.read-sealed-*', 'admin-db.reseal-*'],
    'a rotation of keys, which goes on where it stopped (test/codec/keys.test.ts)',
  ],
  [
    ['admin-db.note-candidates'],
    'passed while no cluster takes tenants, which is the whole fleet and no single account (test/onboarding/outage.test.ts)',
  ],
  [['admin-db.why-not-activated'], 'only words why an activation was refused (test/interleavings/pivot.test.ts)'],
  [
    ['cluster.list-buckets', 'cluster.create-bucket'],
    'a cluster without its bucket, which is made once in its life (test/cluster/migrations.test.ts)',
  ],
];
