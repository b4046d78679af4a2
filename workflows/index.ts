/** Every workflow of Alta, under the name that it is started with. */
export { onboarding } from './onboarding.ts';
export { account } from './account.ts';
export { pollPayments } from './poll-payments.ts';
export { restartLost } from './restart-lost.ts';
export { expireReservations } from './expire-reservations.ts';
export { purgeOutbox } from './purge-outbox.ts';
export { refund } from './refund.ts';
export { ownerNotice } from './owner-notice.ts';
export { confirmOrder } from './confirm-order.ts';
export { credentials } from './credentials.ts';
export { applyDueDates } from './apply-due-dates.ts';
export { refreshCredentials } from './refresh-credentials.ts';
