import { accountCommand } from './account-command.ts';
import { activate } from './activate.ts';
import { createAdminUserStep, undoCreateAdminUser } from './admin-user.ts';
import { applyAspects } from './apply-aspects.ts';
import { askConsent } from './ask-consent.ts';
import { migrateAssets, undoMigrateAssets } from './assets.ts';
import { claimSlugStep, undoClaimSlug } from './claim-slug.ts';
import { undoUpsertClient, upsertClientStep } from './client-row.ts';
import { seedContentStep, undoSeedContent } from './content.ts';
import type { ActivityDeps } from './deps.ts';
import { settleDueDates, wakeDueAccounts } from './due-dates.ts';
import { exportStoreStep } from './export-store.ts';
import { confirmOrderStep } from './confirm-order.ts';
import {
  beginRefreshStep,
  endAuthorizationStep,
  exchangeCode,
  leaveRefreshStep,
  probeCredentials,
  refreshGrant,
  requireReauthStep,
  resyncCredentialsStep,
  revokeCredentials,
} from './credentials.ts';
import { syncEntitlements, undoSyncEntitlements } from './entitlements.ts';
import { beginUndo, endJob, recordDecisionStep, reportJob } from './job.ts';
import { syncMpCredentialsStep, undoSyncMpCredentials } from './mp-credentials.ts';
import { notify } from './notify.ts';
import { tellOwner } from './owner-notice.ts';
import { reservePlacementStep, undoReservePlacement } from './placement.ts';
import { pollPayments } from './poll-payments.ts';
import { publishStore } from './publish-store.ts';
import { decideRefundStep, followRefund, readRefundStep, recordPaymentStep, sendRefund } from './refund.ts';
import { startAccount } from './start-account.ts';
import { expireReservations, purgeDelivered, refreshCredentialsSweep, restartLost } from './upkeep.ts';
import { checkPayment, verifyPayment } from './verify-payment.ts';

export type { ActivityDeps } from './deps.ts';

/** Every activity under the name that workflows, histories and the ledger know it by. */
// The type is inferred: workflows take it as `Activities`.
export function createActivities(deps: ActivityDeps) {
  return {
    'verify-payment': verifyPayment(deps),
    'check-payment': checkPayment(deps),
    'claim-slug': claimSlugStep(deps),
    'undo-claim-slug': undoClaimSlug(deps),
    'reserve-placement': reservePlacementStep(deps),
    'undo-reserve-placement': undoReservePlacement(deps),
    'upsert-client': upsertClientStep(deps),
    'undo-upsert-client': undoUpsertClient(deps),
    'create-admin-user': createAdminUserStep(deps),
    'undo-create-admin-user': undoCreateAdminUser(deps),
    'sync-mp-credentials': syncMpCredentialsStep(deps),
    'undo-sync-mp-credentials': undoSyncMpCredentials(deps),
    'seed-content': seedContentStep(deps),
    'undo-seed-content': undoSeedContent(deps),
    'migrate-assets': migrateAssets(deps),
    'undo-migrate-assets': undoMigrateAssets(deps),
    'sync-entitlements': syncEntitlements(deps),
    'undo-sync-entitlements': undoSyncEntitlements(deps),
    activate: activate(deps),
    'publish-store': publishStore(deps),
    'start-account': startAccount(deps),
    notify: notify(deps),
    'begin-undo': beginUndo(deps),
    'report-job': reportJob(deps),
    'record-decision': recordDecisionStep(deps),
    'end-job': endJob(deps),
    'apply-aspects': applyAspects(deps),
    'account-command': accountCommand(deps),
    'export-store': exportStoreStep(deps),
    'poll-payments': pollPayments(deps),
    'restart-lost': restartLost(deps),
    'expire-reservations': expireReservations(deps),
    'refresh-credentials': refreshCredentialsSweep(deps),
    'settle-due-dates': settleDueDates(deps),
    'apply-due-dates': wakeDueAccounts(deps),
    'purge-outbox': purgeDelivered(deps),
    'read-refund': readRefundStep(deps),
    'decide-refund': decideRefundStep(deps),
    'send-refund': sendRefund(deps),
    'follow-refund': followRefund(deps),
    'record-payment': recordPaymentStep(deps),
    'begin-refresh': beginRefreshStep(deps),
    'refresh-grant': refreshGrant(deps),
    'leave-refresh': leaveRefreshStep(deps),
    'probe-credentials': probeCredentials(deps),
    'require-reauth': requireReauthStep(deps),
    'revoke-credentials': revokeCredentials(deps),
    'exchange-code': exchangeCode(deps),
    'end-authorization': endAuthorizationStep(deps),
    'ask-consent': askConsent(deps),
    'resync-credentials': resyncCredentialsStep(deps),
    'confirm-order': confirmOrderStep(deps),
    'tell-owner': tellOwner(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;
