export interface Model {
  /** File of this folder, without `.pml`. */
  name: string;
  /** What is always defined for it. */
  defines: readonly string[];
  /** Whether runs without end are looked at too, under weak fairness; otherwise every reachable state is. */
  liveness: boolean;
  /** Deliberate errors: each a define that has to break the model. */
  mutants: readonly string[];
}

/** What `npm run model` checks; docs/model.md says what each error means. */
export const MODELS: readonly Model[] = [
  {
    name: 'account',
    defines: [],
    liveness: false,
    mutants: [
      'MARK_BEFORE_SIGNAL',
      'PUBLISH_APART',
      'PUBLISH_BEFORE_COMMIT',
      'FENCE_DROPPED',
      'SEEN_NOT_CARRIED',
      'DIRTY_NOT_CARRIED',
      'CONTINUE_OVER_SIGNALS',
      'NOTE_WHAT_IS_DIRTY',
      'CLEAR_ALL',
      'FAILED_IS_DONE',
    ],
  },
  // Both changes of the same aspect.
  { name: 'account', defines: ['ONE_ASPECT'], liveness: false, mutants: ['ANSWER_NEWEST', 'FENCE_DROPPED', 'CLEAR_ALL'] },
  { name: 'account', defines: ['LIVENESS', 'RELAYS=1'], liveness: true, mutants: ['MARK_BEFORE_SIGNAL', 'CLEAR_ALL'] },
  {
    name: 'saga',
    defines: [],
    liveness: false,
    mutants: [
      'UNDO_AFTER_PIVOT',
      'GATE_BY_STATUS',
      'ACTIVATE_UNGATED',
      'CLAIM_UNGATED',
      'TOMBSTONE_DROPPED',
      'REGISTERED_LATE',
      'CANCELLED_UNDO',
      'UNDO_SWALLOWED',
    ],
  },
  { name: 'refund', defines: [], liveness: false, mutants: ['REFUND_KEY_NEW', 'KEEP_ANY', 'TRY_UNGATED', 'REFUSAL_FORGOTTEN'] },
];
