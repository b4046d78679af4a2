import type { WorkflowHandle } from '@temporalio/client';
import type { CredentialsPolicy } from '../../../contract/credentials.ts';
import type { OnboardingPolicy, ResolveAction } from '../../../contract/onboarding.ts';
import type { RefundPolicy } from '../../../contract/refund.ts';
import type { StepName } from '../../../contract/steps.ts';
import { installFaults, type Faults } from '../faults.ts';
import { QUICK_REFUNDS } from '../refunds.ts';
import { startWorld, type PlacedOrder, type World } from '../world.ts';
import { FIXTURE_CODEC_KEYS } from './sealed.ts';

/** Where the scenarios play: one world, its faults, and the moves that they share. */
export interface Stage {
  world: World;
  faults: Faults;
  /** Changes the rules that the next runs begin with. */
  policy: (overrides: Partial<OnboardingPolicy>) => void;
  refundPolicy: (overrides: Partial<RefundPolicy>) => void;
  /** An order that is paid and whose run has begun. */
  paid: () => Promise<PlacedOrder>;
  /** Waits for the order's job and gives the run's handle. */
  until: (order: PlacedOrder, ...states: string[]) => Promise<WorkflowHandle>;
  resolve: (order: PlacedOrder, action: ResolveAction, step?: StepName) => Promise<unknown>;
  clusters: (active: boolean) => Promise<unknown>;
  /** Takes back what a scenario changed. */
  reset: () => Promise<void>;
  close: () => Promise<void>;
}

const QUICK_CREDENTIALS: Partial<CredentialsPolicy> = { retryInitialMs: 50, retryMaxMs: 100, retryAttempts: 3 };

/** Payloads are plain, so that whoever reviews a history can read it, unless the paths are to be encrypted. */
export async function openStage({ encrypted = false } = {}): Promise<Stage> {
  const codec = encrypted ? { ALTA_CODEC_KEYS: FIXTURE_CODEC_KEYS } : { ALTA_CODEC_KEYS: '', NODE_ENV: 'development' };
  const world = await startWorld({
    env: { ...codec, ALTA_REFUND_POLICY: QUICK_REFUNDS, ALTA_CREDENTIALS_POLICY: JSON.stringify(QUICK_CREDENTIALS) },
  });
  const faults = installFaults();
  const { ALTA_ONBOARDING_POLICY: rules, ALTA_REFUND_POLICY: refundRules } = world.config;
  const clusters = (active: boolean): Promise<unknown> => world.sql('update backend_clusters set is_active = $1', [active]);
  return {
    world,
    faults,
    clusters,
    policy(overrides) {
      world.config.ALTA_ONBOARDING_POLICY = { ...rules, ...overrides };
    },
    refundPolicy(overrides) {
      world.config.ALTA_REFUND_POLICY = { ...refundRules, ...overrides };
    },
    async paid() {
      const order = await world.checkout();
      await world.pay(order);
      return order;
    },
    async until(order, ...states) {
      await world.job(order.accountId, ...states);
      return world.handle(order.accountId);
    },
    resolve: (order, action, step) =>
      world.resolve(order.accountId, { action, actor: 'ana', reason: 'as agreed', ...(step === undefined ? {} : { step }) }),
    async reset() {
      faults.clear();
      Object.assign(world.config, { ALTA_ONBOARDING_POLICY: rules, ALTA_REFUND_POLICY: refundRules });
      await world.simulator.control.setRefundStatus('approved');
      await world.simulator.control.faults.clear();
      await clusters(true);
    },
    async close() {
      faults.remove();
      await world.close();
    },
  };
}
