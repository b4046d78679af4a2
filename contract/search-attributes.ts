import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Typed search attributes. They are never encrypted, so they hold ids and states only (law 2). */
export const SEARCH_ATTRIBUTES = {
  state: defineSearchAttributeKey('AltaState', SearchAttributeType.KEYWORD),
  step: defineSearchAttributeKey('AltaStep', SearchAttributeType.KEYWORD),
  account: defineSearchAttributeKey('AltaAccountId', SearchAttributeType.KEYWORD),
  cluster: defineSearchAttributeKey('AltaCluster', SearchAttributeType.KEYWORD),
} as const;

/** Values of `AltaState`. `NeedsAttention` is what an operator filters by. */
export const RUN_STATES = [
  'Running',
  'WaitingForCluster',
  'NeedsAttention',
  'Compensating',
  'Completed',
  'Rejected',
  'Compensated',
] as const;
export type RunState = (typeof RUN_STATES)[number];

/** Values of `AltaState` of a refund, beside `Running` and `NeedsAttention`. Only `Refunded` says that the money is back. */
export type RefundRunState = 'Running' | 'NeedsAttention' | 'RefundPending' | 'Refunded' | 'Kept' | 'Superseded' | 'NotNeeded';
