import { randomUUID } from 'node:crypto';
import * as adminDb from '../../adapters/admin-db/index.ts';
import type { AdminDb, AdminDbRole } from '../../adapters/admin-db/index.ts';
import type { Vault } from '../../adapters/vault/index.ts';
import type { CheckoutRequest } from '../../contract/checkout.ts';
import { isAltaError } from '../../contract/errors.ts';
import { changeAccount } from './account-changes.ts';

/** What the statements are about; whether there is such a row does not matter, rights are checked before. */
export interface Subjects {
  vault: Vault;
  checkout: CheckoutRequest;
  accountId: string;
  jobId: string;
  clusterId: string;
  inboxId: string;
}

type Act = (db: AdminDb, on: Subjects) => Promise<unknown>;

/** That there is no such row is an answer; a right that is lacking is not. */
function unlessRefused(error: unknown): void {
  if (!isAltaError(error) || error.code === 'ADMIN_DB_REJECTED') throw error;
}

const claim = { id: randomUUID(), claimToken: randomUUID(), generation: 1 };
const failure = { code: 'INTERNAL', message: 'x' };
const payment = {
  paymentId: '77',
  accountId: null,
  status: 'approved',
  statusDetail: null,
  amount: '1',
  amountRefunded: '0',
  currency: 'ARS',
  collectorId: '1',
  externalReference: null,
  liveMode: false,
  dateApproved: null,
  dateLastUpdated: null,
};
const step = { step: 'upsert-client', undo: false } as const;
const openJob: Act = (db, { accountId }) => adminDb.openJob(db, { accountId, paymentId: '77', workflowId: 'w' });

/** Every function of the Admin DB that a process calls, by the process' role. */
export const STATEMENTS: Record<Exclude<AdminDbRole, 'keeper'>, Record<string, Act>> = {
  intake: {
    loadPlan: (db, { checkout }) => adminDb.loadPlan(db, checkout.planKey),
    checkout: (db, { checkout }) =>
      db.tx('test.checkout', async (tx) => {
        const plan = await adminDb.loadPlan(tx, checkout.planKey);
        const { accountId } = await adminDb.openDraft(tx, { ...checkout, slug: `s-${randomUUID().slice(0, 8)}` }, plan);
        const again = { ...checkout, accountId, slug: `s-${randomUUID().slice(0, 8)}`, customDomain: `${randomUUID()}.example.com` };
        await adminDb.openDraft(tx, again, plan);
        await adminDb.findSameForm(tx, again);
        await adminDb.reserveSlug(tx, again.slug, accountId, 60);
        await adminDb.saveOnboarding(tx, accountId, again);
        await adminDb.saveOnboarding(tx, accountId, { ...again, logo: null });
      }),
    acceptNotification: async (db) => {
      const notification = { deliveryKey: 'statement', topic: 'payment', paymentId: '77' };
      await adminDb.acceptNotification(db, notification);
      await adminDb.acceptNotification(db, notification);
    },
    acceptDeauthorization: async (db) => {
      const notification = { deliveryKey: 'statement/seller', topic: 'mp-connect', sellerId: '77' };
      await adminDb.acceptDeauthorization(db, notification);
      await adminDb.acceptDeauthorization(db, notification);
    },
    acceptOrderNotification: async (db, { accountId }) => {
      const notification = { deliveryKey: 'statement/buyer', topic: 'payment', paymentId: '77', accountId };
      await adminDb.acceptOrderNotification(db, notification);
      await adminDb.acceptOrderNotification(db, notification);
    },
    consents: async (db, { vault, accountId }) => {
      const asked = await adminDb.openAuthorization(db, vault, { accountId, redirectUri: 'http://x', requestedBy: 'x', validSeconds: 60 });
      await adminDb.answerAuthorization(db, vault, { state: asked.state, code: 'x' });
    },
    findTenant: (db) => adminDb.findTenant(db, 'nobody'),
    loadClusterAddress: (db, { clusterId }) => adminDb.loadClusterAddress(db, clusterId),
  },
  relay: {
    claimOutbox: (db) => adminDb.claimOutbox(db, { targets: ['account'], limit: 1, leaseSeconds: 1, owner: 'x', idle: true }),
    completeOutbox: (db) => adminDb.completeOutbox(db, claim),
    retryOutbox: (db) => adminDb.retryOutbox(db, claim, { ...failure, delayMs: 1 }),
    failOutbox: (db) => adminDb.failOutbox(db, claim, failure),
    releaseOutbox: (db) => adminDb.releaseOutbox(db, claim, { delayMs: 1 }),
    outboxStats: (db) => adminDb.outboxStats(db),
    lockInbox: (db, { inboxId }) => adminDb.lockInbox(db, inboxId),
    settleInbox: (db, { inboxId }) => adminDb.settleInbox(db, inboxId, { status: 'processed', result: 'x' }),
    findOrder: (db, { accountId }) => adminDb.findOrder(db, accountId),
    showJob: (db, { jobId }) => adminDb.showJob(db, jobId),
    recordPayment: (db) => adminDb.recordPayment(db, payment),
    extendReservation: (db, { accountId }) => adminDb.extendReservation(db, accountId, 1),
    publish: (db, { accountId }) =>
      adminDb.publish(db, {
        target: 'account',
        eventKey: 'statement/relay',
        accountId,
        payload: { type: 'account.created', accountId, version: 1, aspects: [] },
      }),
    openJob,
    readState: (db) => adminDb.readState(db),
    refundsOf: (db) => adminDb.refundsOf(db, '77'),
    accountsOfSeller: (db) => adminDb.accountsOfSeller(db, '77'),
  },
  worker: {
    verify: async (db) => {
      await adminDb.verifiedAccounts(db, randomUUID(), 1);
      await adminDb.brokenRows(db, { lateSeconds: 1, limit: 1 });
      await adminDb.standOfAccounts(db, [randomUUID()]);
      await adminDb.sentRefunds(db, 1);
      await adminDb.knownPayments(db, ['77']);
      await adminDb.moneyReport(db, { limit: 1, inProgressSeconds: 1 });
    },
    listClusters: (db) => adminDb.listClusters(db),
    loadCluster: (db, { vault, clusterId }) => adminDb.loadCluster(db, vault, clusterId),
    loadSnapshot: (db, { accountId }) => adminDb.loadSnapshot(db, accountId),
    loadOrder: (db, { accountId }) => adminDb.loadOrder(db, accountId),
    loadMpCredentials: (db, { vault, accountId }) => adminDb.loadMpCredentials(db, vault, accountId),
    saveMpCredentials: (db, { vault, accountId }) =>
      adminDb.saveMpCredentials(db, vault, accountId, {
        accessToken: 'a',
        refreshToken: 'b',
        publicKey: 'c',
        expiresAt: null,
        mpUserId: '1',
      }),
    expireEntitlements: (db) => adminDb.expireEntitlements(db),
    runAccountCommand: (db, { accountId }) =>
      adminDb.runAccountCommand(db, {
        sells: null,
        accountId,
        commandId: randomUUID(),
        command: { action: 'sync-entitlements', actor: 'x', reason: 'x' },
        used: null,
        downgrade: 'keep',
        retentionDays: 30,
      }),
    archives: async (db, { accountId }) => {
      await adminDb.isNewDeletion(db, accountId, randomUUID());
      const archive = { location: `file:///${randomUUID()}`, sha256: '0'.repeat(64), bytes: 1, counts: {} };
      await adminDb.recordArchive(db, { accountId, commandId: randomUUID(), ...archive });
      await adminDb.listArchives(db, accountId);
    },
    publishAccountEvent: (db, { accountId }) =>
      changeAccount(db, { type: 'account.updated', accountId, fields: ['is_active'] }, (tx) =>
        adminDb.changeStatus(tx, accountId, { from: ['paid', 'provisioned'], to: 'provision_failed', actor: 'x', reason: 'x' }),
      ),
    consents: async (db, { vault, accountId }) => {
      const id = randomUUID();
      await adminDb.beginRefresh(db, accountId, id);
      await adminDb.leaveRefresh(db, { accountId, refreshId: id, ...failure, keep: false });
      await adminDb.findConnection(db, accountId);
      await adminDb.loadTokens(db, vault, accountId);
      await adminDb.requireReauth(db, { accountId, credentialVersion: 1, ...failure });
      await adminDb.revokeConnection(db, { accountId, credentialVersion: 1, actor: 'x', code: null, reason: 'x' });
      await adminDb.askDueRefreshes(db, 1);
      await adminDb.readAnswer(db, vault, id);
      await adminDb.endAuthorization(db, id, 'failed', 'INTERNAL');
      await adminDb.expireAuthorizations(db);
      await adminDb.resyncCredentials(db, accountId);
    },
    readDue: (db, { accountId }) => adminDb.readDue(db, accountId),
    dueAccounts: (db) => adminDb.dueAccounts(db, new Date().toISOString()).next(),
    remindOwner: (db, { accountId }) => adminDb.remindOwner(db, accountId, new Date().toISOString()),
    ownerNotices: async (db, { accountId }) => {
      await adminDb.claimOwnerNotice(db, { eventKey: 'statement', accountId, kind: 'paused' });
      await adminDb.releaseOwnerNotice(db, 'statement');
    },
    loadAssets: (db, { accountId }) => adminDb.loadAssets(db, accountId),
    recordPayment: (db) => adminDb.recordPayment(db, payment),
    judgePayment: (db) => adminDb.judgePayment(db, '77', { verdict: 'accepted', code: null, judgedStatus: 'approved' }),
    bindPayment: (db, { accountId }) => adminDb.bindPayment(db, '77', accountId),
    changeStatus: (db, { accountId }) =>
      adminDb.changeStatus(db, accountId, { from: ['paid'], to: 'provision_failed', actor: 'x', reason: 'x' }),
    claimSlug: (db, { accountId, jobId }) => adminDb.claimSlug(db, accountId, `s-${randomUUID().slice(0, 8)}`, jobId),
    releaseClaim: (db, { accountId, jobId }) => adminDb.releaseClaim(db, accountId, 'none', jobId),
    reservePlacement: (db, { accountId, jobId }) => adminDb.reservePlacement(db, { accountId, jobId, ttlSeconds: 60 }),
    confirmPlacement: (db, { accountId, jobId }) => adminDb.confirmPlacement(db, accountId, jobId),
    expirePlacements: (db) => adminDb.expirePlacements(db),
    beginStep: (db, { jobId }) => adminDb.beginStep(db, { jobId, ...step, runId: 'r', activityId: 'a', local: false }),
    endStep: (db, { jobId }) => adminDb.endStep(db, { jobId, ...step, outcome: 'done' }),
    setJobState: (db, { jobId }) => adminDb.setJobState(db, jobId, { state: 'running' }),
    recordDecision: (db, { jobId }) => adminDb.recordDecision(db, { jobId, step: null, action: 'retry', actor: 'x', reason: 'x' }),
    showJob: (db, { jobId }) => adminDb.showJob(db, jobId),
    activateAccount: (db, { accountId, jobId, clusterId }) =>
      adminDb.activateAccount(db, { accountId, jobId, clusterId, clientId: randomUUID(), actor: 'x' }),
    releasePlacement: (db, { accountId, jobId }) => adminDb.releasePlacement(db, accountId, jobId),
    acceptNotification: (db) => adminDb.acceptNotification(db, { deliveryKey: 'statement/worker', topic: 'payment', paymentId: '77' }),
    purgeOutbox: (db) => adminDb.purgeOutbox(db),
    feedPolled: (db, { accountId }) =>
      adminDb.feedPolled(db, [{ paymentId: '78', status: 'approved', accountId, updatedAt: null }], { seenUntil: null, complete: true }),
    loadPollMark: (db) => adminDb.loadPollMark(db),
    restPolling: (db) => adminDb.restPolling(db, 1),
    restartLostJobs: (db) => adminDb.restartLostJobs(db, 120),
    fleetLooksDead: (db) => adminDb.fleetLooksDead(db),
    expireSlugs: (db) => adminDb.expireSlugs(db),
  },
  storefront: {
    findShop: (db) => adminDb.findShop(db, 'nobody'),
    loadCluster: (db, { vault, clusterId }) => adminDb.loadCluster(db, vault, clusterId),
    loadMpCredentials: (db, { vault, accountId }) => adminDb.loadMpCredentials(db, vault, accountId).catch(unlessRefused),
    askForResync: (db, { accountId }) => adminDb.askForResync(db, { accountId, version: 1 }),
  },
  operator: {
    readDue: (db, { accountId }) => adminDb.readDue(db, accountId),
    dueAccounts: (db) => adminDb.dueAccounts(db, new Date().toISOString()).next(),
    consents: async (db, { vault, accountId }) => {
      await adminDb.listConnections(db);
      await adminDb.findConnection(db, accountId);
      await adminDb.openAuthorization(db, vault, { accountId, redirectUri: 'http://x', requestedBy: 'x', validSeconds: 60 });
    },
    toldCredentials: (db, { accountId }) => adminDb.toldCredentials(db, accountId),
    showAccount: (db, { accountId }) => adminDb.showAccount(db, accountId),
    listArchives: (db, { accountId }) => adminDb.listArchives(db, accountId),
    isSameCommand: (db, { accountId }) => adminDb.isSameCommand(db, accountId, randomUUID(), { action: 'hold', actor: 'x', reason: 'x' }),
    listJobs: (db) => adminDb.listJobs(db, { limit: 1 }),
    showJob: (db, { jobId }) => adminDb.showJob(db, jobId),
    findOrder: (db, { accountId }) => adminDb.findOrder(db, accountId),
    openJob,
    recordDecision: (db, { jobId }) => adminDb.recordDecision(db, { jobId, step: null, action: 'retry', actor: 'x', reason: 'x' }),
    listClusters: (db) => adminDb.listClusters(db),
    setClusterState: (db, { clusterId }) => adminDb.setClusterState(db, clusterId, { weight: 1, actor: 'x', reason: 'x' }),
    registerCluster: (db, { vault }) =>
      adminDb.registerCluster(db, vault, {
        clusterId: 'east',
        displayName: 'East',
        url: 'http://127.0.0.1:1',
        serviceKey: 'k',
        publishableKey: 'p',
      }),
    abandonJob: (db, { jobId }) => adminDb.setJobState(db, jobId, { state: 'abandoned' }),
    moneyReport: (db) => adminDb.moneyReport(db, { limit: 1, inProgressSeconds: 1 }),
    listDeadLetters: (db) => adminDb.listDeadLetters(db, 1),
    listOutbox: (db) => adminDb.listOutbox(db, { limit: 1 }),
    outboxCommands: async (db) => {
      const acts = [adminDb.retryOutboxRow, adminDb.discardOutboxRow];
      for (const act of acts) await act(db, randomUUID(), { actor: 'x', reason: 'x' }).catch(unlessRefused);
    },
    refunds: async (db) => {
      await adminDb.listRefunds(db, { limit: 1 });
      await db.tx('test.ask-refund', (tx) => adminDb.lockPayment(tx, '77')).catch(unlessRefused);
      await db.tx('test.supersede-refund', (tx) => adminDb.supersedeRefund(tx, '77', { actor: 'x', reason: 'x' })).catch(unlessRefused);
    },
    outboxStats: (db) => adminDb.outboxStats(db),
    outboxHealth: (db) => adminDb.outboxHealth(db),
    outboxPauses: async (db) => {
      await adminDb.pauseTarget(db, 'shop', { actor: 'x', reason: 'x' });
      await adminDb.resumeTarget(db, 'shop', { actor: 'x', reason: 'x' });
    },
    listInbox: (db) => adminDb.listInbox(db, '77'),
    listLifecycleEvents: (db, { accountId }) => adminDb.listLifecycleEvents(db, accountId),
  },
};
