/** The typed client: what operators' tools do with Alta, without a shell. */
import type { Client } from '@temporalio/client';
import {
  findConnection,
  listClusters,
  listConnections,
  listDeadLetters,
  listJobs,
  IN_PROGRESS_SECONDS,
  moneyReport,
  listRefunds,
  setClusterState,
  showJob,
  showRefunds,
  type AdminDb,
  type ClusterChange,
  type ClusterRow,
  type Connection,
  type DeadLetter,
  type JobDetails,
  type JobRow,
  type MoneyOptions,
  type MoneyReport,
  type RotationReport,
  type RefundRow,
} from '../adapters/admin-db/index.ts';
import type { Config } from '../adapters/config.ts';
import type { DataConverterConfig } from '../adapters/temporal/index.ts';
import type { RefundCommand, RefundProgress, RefundState } from '../contract/refund.ts';
import type { OnboardingProgress, ResolveAnswer, ResolveCommand } from '../contract/onboarding.ts';
import type { JobState } from '../contract/steps.ts';
import { createVault } from '../adapters/vault/index.ts';
import type { ConnectionState } from '../contract/credentials.ts';
import { AltaError } from '../contract/errors.ts';
import { askForConsent, type ConsentAsk, type ConsentDeps } from '../adapters/ask-consent.ts';
import { askAboutCredentials, type CredentialCommand } from './operations/credentials.ts';
import { cancelOnboarding, type CancelAnswer, type CancelRequest } from './operations/cancel-onboarding.ts';
import { abandonOnboarding, type AbandonAnswer, type AbandonRequest } from './operations/abandon-onboarding.ts';
import { accountOperations, type AccountOperations } from './operations/accounts.ts';
import { dunningOperations, type DunningDeps, type DunningOperations } from './operations/dunning.ts';
import { outboxOperations, type OutboxOperations } from './operations/outbox.ts';
import { keysStatus, rotateKeys, type KeysStatus } from './operations/keys.ts';
import { deploymentStatus, promote, rollback, type DeploymentDeps, type DeploymentStatus } from './operations/deployments.ts';
import { queryProgress, watchOnboarding } from './operations/progress.ts';
import { askRefund, decideRefund, type RefundAsk } from './operations/refunds.ts';
import { replayWorkflow, type ReplayReport } from './operations/replay.ts';
import { resolveOnboarding } from './operations/resolve.ts';
import { retryOnboarding, type RetryAnswer, type RetryRequest } from './operations/retry-onboarding.ts';
import { applySchedules, listSchedules, type AppliedSchedule, type ScheduleDeps, type ScheduleRow } from './operations/schedules.ts';
import { stalledRuns, type StalledRun } from './operations/stalled.ts';
import type { StartDeps } from './operations/start-onboarding.ts';

export type { CancelAnswer, CancelRequest } from './operations/cancel-onboarding.ts';
export { IN_PROGRESS_SECONDS, MONEY_LISTS } from '../adapters/admin-db/index.ts';
export type {
  Connection,
  DeadLetter,
  JobDetails,
  JobRow,
  MoneyItem,
  MoneyList,
  MoneyReport,
  RefundRow,
} from '../adapters/admin-db/index.ts';
export type { ConsentAsk } from '../adapters/ask-consent.ts';
export type { CredentialCommand } from './operations/credentials.ts';
export type { AbandonAnswer, AbandonRequest } from './operations/abandon-onboarding.ts';
export type { CredentialsAnswer } from './operations/account-credentials.ts';
export type { AccountOperations, AccountStory } from './operations/accounts.ts';
export type { DunningOperations, Forecast, SimulatedAccount, Simulation } from './operations/dunning.ts';
export type { OutboxOperations, RetryFilter } from './operations/outbox.ts';
export type { DeploymentStatus, VersionRow } from './operations/deployments.ts';
export type { StalledRun } from './operations/stalled.ts';
export { isOver } from './operations/progress.ts';
export type { ReplayReport } from './operations/replay.ts';
export type { RetryAnswer, RetryRequest } from './operations/retry-onboarding.ts';
export { applySchedules, type AppliedSchedule, type ScheduleRow } from './operations/schedules.ts';
export { callTemporal, connectTemporal, isPushback, type TemporalHandle } from './temporal.ts';

export interface AltaClientDeps {
  db: AdminDb;
  temporal: Client;
  config: StartDeps['config'] &
    DataConverterConfig &
    ScheduleDeps['config'] &
    DeploymentDeps['config'] &
    Parameters<typeof askRefund>[0]['config'] &
    ConsentDeps['config'] &
    DunningDeps['config'] &
    Pick<Config, 'ALTA_VAULT_KEYS'>;
}

/** `target` is an account id, a job id or a slug everywhere. Errors are `AltaError`s. */
export interface AltaClient {
  onboardings: {
    list(filter?: { state?: JobState; limit?: number }): Promise<JobRow[]>;
    show(target: string): Promise<JobDetails>;
    /** The run's own word; needs a worker. */
    progress(target: string): Promise<OnboardingProgress>;
    watch(target: string, signal?: AbortSignal): AsyncGenerator<JobDetails, void>;
    resolve(target: string, command: ResolveCommand): Promise<ResolveAnswer>;
    retry(target: string, request: RetryRequest): Promise<RetryAnswer>;
    /** Calls one off before its pivot. */
    cancel(target: string, request: CancelRequest): Promise<CancelAnswer>;
    /** Gives one up whose run is closed. */
    abandon(target: string, request: AbandonRequest): Promise<AbandonAnswer>;
  };
  accounts: AccountOperations;
  dunning: DunningOperations;
  /** `target` is a payment id or a refund's id. */
  refunds: {
    list(filter?: { state?: RefundState; limit?: number }): Promise<RefundRow[]>;
    /** Every intent about one payment, newest first. */
    show(target: string): Promise<RefundRow[]>;
    /** Opens the question; nothing is sent before `decide`. */
    ask(paymentId: string, ask: RefundAsk): Promise<RefundRow>;
    decide(target: string, command: RefundCommand): Promise<RefundProgress>;
  };
  /** Sellers' Mercado Pago consents, by account id. */
  credentials: {
    list(filter?: { state?: ConnectionState; limit?: number }): Promise<Connection[]>;
    /** NOT_FOUND when the seller never agreed. */
    show(accountId: string): Promise<Connection>;
    /** A link on which the seller agrees (again). */
    link(accountId: string, by: { actor: string }): Promise<ConsentAsk>;
    /** Has something done about a consent; a run does it. */
    ask(accountId: string, command: Omit<CredentialCommand, 'accountId'>): Promise<Connection>;
  };
  clusters: {
    list(): Promise<ClusterRow[]>;
    set(clusterId: string, change: ClusterChange): Promise<ClusterRow>;
  };
  /** Where money and stores do not fit together. */
  money: { report(options?: Partial<MoneyOptions>): Promise<MoneyReport> };
  /** Onboardings that go no further by themselves (P-613). */
  dlq: { list(options?: { limit?: number }): Promise<DeadLetter[]> };
  outbox: OutboxOperations;
  schedules: {
    /** Creates or updates the schedules of upkeep: part of a deployment; `prune` also deletes those that this version does not want. */
    apply(options?: { prune?: boolean }): Promise<AppliedSchedule[]>;
    list(): Promise<ScheduleRow[]>;
  };
  keys: {
    status(): Promise<KeysStatus>;
    rotate(options: Parameters<typeof rotateKeys>[2]): Promise<RotationReport>;
  };
  deployments: {
    status(): Promise<DeploymentStatus>;
    promote(buildId: string, ramp?: number): Promise<DeploymentStatus>;
    rollback(buildId: string): Promise<DeploymentStatus>;
    stalled(limit?: number): Promise<StalledRun[]>;
  };
  replay(workflowId: string, runId?: string): Promise<ReplayReport>;
}

const DEFAULT_LIMIT = 50;

export function createAltaClient(deps: AltaClientDeps): AltaClient {
  const { db, temporal, config } = deps;
  return {
    onboardings: {
      list: ({ state, limit = DEFAULT_LIMIT } = {}) => listJobs(db, { limit, ...(state === undefined ? {} : { state }) }),
      show: (target) => showJob(db, target),
      progress: async (target) => queryProgress(temporal, (await showJob(db, target)).job.workflowId),
      watch: (target, signal) => watchOnboarding(db, target, signal),
      resolve: (target, command) => resolveOnboarding(db, temporal, target, command),
      retry: (target, request) => retryOnboarding(deps, target, request),
      cancel: (target, request) => cancelOnboarding(deps, target, request),
      abandon: (target, request) => abandonOnboarding(deps, target, request),
    },
    accounts: accountOperations(deps),
    dunning: dunningOperations(deps),
    refunds: {
      list: ({ state, limit = DEFAULT_LIMIT } = {}) => listRefunds(db, { limit, ...(state === undefined ? {} : { state }) }),
      show: (target) => showRefunds(db, target),
      ask: (paymentId, ask) => askRefund(deps, paymentId, ask),
      decide: (target, command) => decideRefund(db, temporal, target, command),
    },
    credentials: {
      list: ({ state, limit = DEFAULT_LIMIT } = {}) => listConnections(db, { limit, ...(state === undefined ? {} : { state }) }),
      show: async (accountId) => {
        const found = await findConnection(db, accountId);
        if (found === null) throw new AltaError('NOT_FOUND', `account ${accountId} was never connected to Mercado Pago`);
        return found;
      },
      link: (accountId, { actor }) =>
        askForConsent({ db, vault: createVault(config.ALTA_VAULT_KEYS), config }, { accountId, requestedBy: actor }),
      ask: (accountId, command) => askAboutCredentials(db, { accountId, ...command }),
    },
    clusters: {
      list: () => listClusters(db),
      set: (clusterId, change) => setClusterState(db, clusterId, change),
    },
    money: { report: (options = {}) => moneyReport(db, { limit: DEFAULT_LIMIT, inProgressSeconds: IN_PROGRESS_SECONDS, ...options }) },
    dlq: { list: ({ limit = DEFAULT_LIMIT } = {}) => listDeadLetters(db, limit) },
    outbox: outboxOperations(db),
    schedules: {
      apply: (options) => applySchedules(deps, options),
      list: () => listSchedules(deps),
    },
    keys: {
      status: () => keysStatus(db, config),
      rotate: (options) => rotateKeys(db, config, options),
    },
    deployments: {
      status: () => deploymentStatus(deps),
      promote: (buildId, ramp) => promote(deps, buildId, ramp),
      rollback: (buildId) => rollback(deps, buildId),
      stalled: (limit) => stalledRuns(temporal, config, limit),
    },
    replay: (workflowId, runId) => replayWorkflow(temporal, config, workflowId, runId),
  };
}
