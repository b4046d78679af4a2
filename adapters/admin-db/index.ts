export { createAdminDb, type AdminDb, type AdminDbOptions, type NamedQuery, type Tx } from './db.ts';
export { ROLES, type AdminDbRole } from './roles.ts';
export { migrate, pendingMigrations } from './migrate.ts';
export {
  changeStatus,
  findOrder,
  findTenant,
  loadMpCredentials,
  loadOrder,
  loadSnapshot,
  openDraft,
  saveMpCredentials,
} from './accounts.ts';
export type { Order, Tenant } from './accounts.ts';
export { loadTokens, storeGrant, type Grant, type MpCredentials, type StoredTokens } from './mp-credentials.ts';
export {
  accountsOfSeller,
  askDueRefreshes,
  beginRefresh,
  findConnection,
  leaveRefresh,
  listConnections,
  toldCredentials,
  requireReauth,
  revokeConnection,
} from './mp-connections.ts';
export type { BegunRefresh, Connection, LeftRefresh } from './mp-connections.ts';
export { answerAuthorization, endAuthorization, expireAuthorizations, openAuthorization, readAnswer } from './mp-authorizations.ts';
export type { AskedConsent } from './mp-authorizations.ts';
export { loadPlan, planPrice, type Plan } from './plans.ts';
export { claimSlug, extendReservation, releaseClaim, reserveSlug } from './slugs.ts';
export { bindPayment, findPayment, judgePayment, recordPayment } from './payments.ts';
export type { PaymentFacts, PaymentRow, Verdict } from './payments.ts';
export { confirmPlacement, expirePlacements, rankClusters, readCandidates, releasePlacement, reservePlacement } from './placements.ts';
export type { Candidate, RankedCandidate, Ranking, Reservation, ReservedPlacement } from './placements.ts';
export { countSealed, resealAll, SEALED_FIELDS, type RotationReport, type SealedCount } from './sealed-fields.ts';
export { listClusters, loadCluster, loadClusterAddress, registerCluster, setClusterState } from './clusters.ts';
export type { ClusterAccess, ClusterChange, ClusterRegistration, ClusterRow } from './clusters.ts';
export { beginStep, endStep, listJobs, openJob, recordDecision, setJobState, showJob } from './jobs.ts';
export type { BeginStep, Decision, EndStep, JobDetails, JobRow, JobStateChange, OpenedJob, StepRecord } from './jobs.ts';
export { listSteps } from './job-reports.ts';
export {
  acceptDeauthorization,
  acceptNotification,
  acceptOrderNotification,
  ignoreNotification,
  listInbox,
  lockInbox,
  settleInbox,
} from './inbox.ts';
export type { Accepted, IgnoredNotification, InboxRow, Notification, Settlement } from './inbox.ts';
export { claimOutbox, completeOutbox, failOutbox, outboxStats, purgeOutbox, releaseOutbox, retryOutbox } from './outbox.ts';
export type { OutboxClaim, OutboxRow, OutboxStats } from './outbox.ts';
export { publish, publishAccountEvent, type OutboxEvent, type PublishedEvent } from './publish.ts';
export { feedPolled, loadPollMark, restPolling, type PolledPayment, type PollMark } from './polling.ts';
export { expireSlugs, fleetLooksDead, restartLostJobs } from './upkeep.ts';
export { brokenRows, knownPayments, sentRefunds, standOfAccounts, verifiedAccounts } from './verify.ts';
export type { AccountStand, BrokenRow, KnownPayment, SentRefund, VerifiedAccount } from './verify.ts';
export { listArchives, isNewDeletion, recordArchive, type StoreArchive, type StoreArchiveRow } from './archives.ts';
export { claimOwnerNotice, releaseOwnerNotice, type OwnerNotice } from './notices.ts';
export { outboxHealth, type OutboxHealth } from './outbox-health.ts';
export { pauseTarget, resumeTarget, type OutboxPause } from './outbox-pauses.ts';
export { discardOutboxRow, listOutbox, retryOutboxRow, showOutbox } from './outbox-admin.ts';
export type { Discarded, OutboxCommand, OutboxDetails, OutboxEntry, OutboxFilter } from './outbox-admin.ts';
export { askForResync, findShop, resyncCredentials, type Shop } from './shop.ts';
export { listDeadLetters, type DeadLetter } from './dead-letters.ts';
export { IN_PROGRESS_SECONDS, MONEY_LISTS, moneyReport } from './money.ts';
export type { MoneyItem, MoneyList, MoneyOptions, MoneyReport, MoneyTotals } from './money.ts';
export { readState, type AdminState } from './state.ts';
export {
  askByOperator,
  askForFailedRun,
  beginRefundTry,
  blockingRefund,
  currentRefund,
  decideRefund,
  decideWithoutRun,
  listRefunds,
  lockPayment,
  readRefund,
  refundsOf,
  settleRefund,
  showRefunds,
  supersedeRefund,
  tellRefund,
} from './refunds.ts';
export type { RefundEnd, RefundRow } from './refunds.ts';
export { isSameCommand, REDUCING, runAccountCommand, type AccountCommandRun } from './account-commands.ts';
export { findAccount, showAccount, type AccountDetails, type AccountRow } from './account-reports.ts';
export { dueAccounts, readDue, remindOwner, type DueAccount } from './due-dates.ts';
export { expireEntitlements } from './entitlements.ts';
export { goLive } from './publication.ts';
export { addLifecycleEvent, listLifecycleEvents } from './lifecycle.ts';
export type { LifecycleEvent, LifecycleRow } from './lifecycle.ts';
export { activateAccount, type Activation } from './activate.ts';
export { findSameForm, loadAssets, saveOnboarding, type OnboardingAssets } from './onboarding-data.ts';
