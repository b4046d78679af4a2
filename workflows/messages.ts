import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { UPDATE_ACCOUNT_COMMAND, type AccountCommand, type CommandAnswer } from '../contract/account-commands.ts';
import { QUERY_ACCOUNT_STATE, SIGNAL_ACCOUNT_EVENT, type AccountEvent, type AccountState } from '../contract/account.ts';
import { QUERY_CREDENTIALS, type CredentialsProgress } from '../contract/credentials.ts';
import {
  QUERY_PROGRESS,
  SIGNAL_PAYMENT_CHANGED,
  UPDATE_RESOLVE,
  type OnboardingProgress,
  type PaymentChanged,
  type ResolveAnswer,
  type ResolveCommand,
} from '../contract/onboarding.ts';
import { QUERY_REFUND, SIGNAL_REFUND_CHANGED, UPDATE_DECIDE, type RefundCommand, type RefundProgress } from '../contract/refund.ts';

export const progress = defineQuery<OnboardingProgress>(QUERY_PROGRESS);
export const paymentChanged = defineSignal<[PaymentChanged]>(SIGNAL_PAYMENT_CHANGED);
export const resolve = defineUpdate<ResolveAnswer, [ResolveCommand]>(UPDATE_RESOLVE);

export const accountEvent = defineSignal<[AccountEvent]>(SIGNAL_ACCOUNT_EVENT);
export const accountCommand = defineUpdate<CommandAnswer, [AccountCommand]>(UPDATE_ACCOUNT_COMMAND);
export const accountState = defineQuery<AccountState>(QUERY_ACCOUNT_STATE);

export const credentialsProgress = defineQuery<CredentialsProgress>(QUERY_CREDENTIALS);

export const refundProgress = defineQuery<RefundProgress>(QUERY_REFUND);
export const refundChanged = defineSignal(SIGNAL_REFUND_CHANGED);
export const decideRefund = defineUpdate<RefundProgress, [RefundCommand]>(UPDATE_DECIDE);
