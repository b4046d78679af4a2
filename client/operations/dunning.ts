import { dueAccounts, findAccount, readDue, type AdminDb } from '../../adapters/admin-db/index.ts';
import { now } from '../../adapters/clock.ts';
import type { Config } from '../../adapters/config.ts';
import {
  dueAt,
  dueSteps,
  dunningPolicySchema,
  transitions,
  type DueFacts,
  type DueStep,
  type DunningPolicy,
  type Transition,
} from '../../contract/dunning.ts';
import { AltaError } from '../../contract/errors.ts';

export interface DunningDeps {
  db: AdminDb;
  config: Pick<Config, 'ALTA_DUNNING_POLICY'>;
}

export interface Forecast {
  accountId: string;
  slug: string;
  status: string;
  /** The date by which it has to be paid, ISO 8601; null: nothing is ever due. */
  due: string | null;
  /** What happens unless somebody acts, soonest first. */
  steps: Transition[];
}

/** A store that a policy would treat otherwise than today's does by now. */
export interface SimulatedAccount {
  accountId: string;
  slug: string;
  status: string;
  due: string | null;
  /** Steps that the proposed policy asks for now and today's does not. */
  more: DueStep[];
  /** Steps that today's asks for now and the proposed one does not. */
  fewer: DueStep[];
}

export interface Simulation {
  policy: DunningPolicy;
  /** Stores whose due dates were looked at. */
  looked: number;
  accounts: SimulatedAccount[];
}

/** What due dates will bring. Nothing here changes anything. */
export interface DunningOperations {
  /** The next transitions of an account by today's policy. Errors: ACCOUNT_NOT_FOUND. */
  forecast(target: string): Promise<Forecast>;
  /** Which stores another policy would suspend, delete or spare now; what is left out of it stays. Errors: INPUT_INVALID. */
  simulate(proposed: Partial<DunningPolicy>): Promise<Simulation>;
}

export function dunningOperations({ db, config }: DunningDeps): DunningOperations {
  const today = config.ALTA_DUNNING_POLICY;
  return {
    async forecast(target) {
      const { accountId, slug, status } = await findAccount(db, target);
      const { facts } = await readDue(db, accountId);
      return { accountId, slug, status, due: dueAt(facts), steps: transitions(facts, today, now()) };
    },
    async simulate(proposed) {
      const parsed = dunningPolicySchema.safeParse({ ...today, ...proposed });
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new AltaError('INPUT_INVALID', `${issue?.path.join('.') || 'policy'}: ${issue?.message ?? 'is not valid'}`);
      }
      const policy = parsed.data;
      const simulation: Simulation = { policy, looked: 0, accounts: [] };
      const at = now();
      const namesOf = (facts: DueFacts, by: DunningPolicy): DueStep[] => dueSteps(facts, by, at).map(({ step }) => step);
      for await (const page of dueAccounts(db, at.toISOString())) {
        simulation.looked += page.length;
        for (const { accountId, slug, facts } of page) {
          const [then, nowadays] = [namesOf(facts, policy), namesOf(facts, today)];
          const more = then.filter((step) => !nowadays.includes(step));
          const fewer = nowadays.filter((step) => !then.includes(step));
          if (more.length + fewer.length > 0)
            simulation.accounts.push({ accountId, slug, status: facts.status, due: dueAt(facts), more, fewer });
        }
      }
      return simulation;
    },
  };
}
