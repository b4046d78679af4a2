/**
 * The steps of an onboarding, in the order in which they are registered; `wave` groups those that run in parallel.
 *
 * - `check` looks and changes nothing outside the Admin DB; `reversible` has an undo; after the `pivot` nothing is undone
 *   by itself; `forward` steps only go on.
 * - `skippable`: an operator may go on without it.
 * - `fastPath`: short and idempotent, so it is tried once as a local activity before a regular one is scheduled.
 */
export type StepKind = 'check' | 'reversible' | 'pivot' | 'forward';

export interface StepRow {
  readonly kind: StepKind;
  readonly wave: number;
  readonly skippable: boolean;
  readonly fastPath: boolean;
  readonly summary: string;
}

export const STEPS = {
  'verify-payment': { kind: 'check', wave: 1, skippable: false, fastPath: true, summary: 'read the payment back from Mercado Pago' },
  'claim-slug': { kind: 'reversible', wave: 2, skippable: false, fastPath: true, summary: 'make the slug reservation permanent' },
  'reserve-placement': { kind: 'reversible', wave: 2, skippable: false, fastPath: true, summary: 'reserve a slot on a healthy cluster' },
  'upsert-client': { kind: 'reversible', wave: 3, skippable: false, fastPath: true, summary: 'write the client row' },
  'create-admin-user': { kind: 'reversible', wave: 4, skippable: false, fastPath: true, summary: 'create the owner and its admin role' },
  'sync-mp-credentials': {
    kind: 'reversible',
    wave: 4,
    skippable: false,
    fastPath: true,
    summary: 'store the payment credentials and read them back',
  },
  'seed-content': { kind: 'reversible', wave: 4, skippable: false, fastPath: true, summary: 'seed pages, settings, shipping and palettes' },
  'migrate-assets': { kind: 'reversible', wave: 4, skippable: true, fastPath: false, summary: 'copy the logo and the catalogue' },
  'sync-entitlements': { kind: 'reversible', wave: 4, skippable: false, fastPath: true, summary: 'write what plan and add-ons allow' },
  activate: { kind: 'pivot', wave: 5, skippable: false, fastPath: true, summary: 'mark the account provisioned' },
  'publish-store': { kind: 'forward', wave: 6, skippable: false, fastPath: true, summary: 'open the store' },
  'start-account': { kind: 'forward', wave: 6, skippable: false, fastPath: true, summary: "start the account's own workflow" },
  notify: { kind: 'forward', wave: 6, skippable: true, fastPath: false, summary: 'mail the set-your-password link' },
} as const satisfies Record<string, StepRow>;

export type StepName = keyof typeof STEPS;

export const STEP_NAMES = Object.keys(STEPS) as StepName[];

export type ReversibleStep = {
  [K in StepName]: (typeof STEPS)[K]['kind'] extends 'reversible' ? K : never;
}[StepName];

/** The activity that undoes a step. */
export type UndoName = `undo-${ReversibleStep}`;

export const undoName = <S extends ReversibleStep>(step: S): `undo-${S}` => `undo-${step}`;

/** The step that an activity type belongs to, whether it does it or undoes it; undefined for activities that are no step. */
export function stepOfActivity(activityType: string): { step: StepName; undo: boolean } | undefined {
  const undo = activityType.startsWith('undo-');
  const step = undo ? activityType.slice('undo-'.length) : activityType;
  return Object.hasOwn(STEPS, step) ? { step: step as StepName, undo } : undefined;
}

/** States of a row in `provisioning_job_steps`. */
export const STEP_STATES = ['running', 'done', 'failed', 'skipped', 'compensating', 'compensated', 'compensation_failed'] as const;
export type StepState = (typeof STEP_STATES)[number];

/** States of a row in `provisioning_jobs`; the last five are final. */
export const JOB_STATES = [
  'queued',
  'running',
  'waiting',
  'parked',
  'compensating',
  'completed',
  'rejected',
  'failed',
  'compensated',
  'abandoned',
] as const;
export type JobState = (typeof JOB_STATES)[number];
export const FINAL_JOB_STATES = ['completed', 'rejected', 'failed', 'compensated', 'abandoned'] as const;
