import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';

/** A plan of the catalogue; fees are decimal text. */
export interface Plan {
  planKey: string;
  currency: string;
  monthlyFee: string;
  annualFee: string;
}

/** A plan that can be bought now. Throws PLAN_NOT_FOUND for one that is unknown or no longer sold. */
export async function loadPlan(db: Tx, planKey: string): Promise<Plan> {
  const [plan] = await db.query<Plan>({
    name: 'admin-db.load-plan',
    text: `select plan_key as "planKey", currency, trim_scale(monthly_fee)::text as "monthlyFee", trim_scale(annual_fee)::text as "annualFee"
           from plans where plan_key = $1 and is_active`,
    values: [planKey],
  });
  if (plan === undefined) throw new AltaError('PLAN_NOT_FOUND', `planKey: no plan ${JSON.stringify(planKey)} is on sale`);
  return plan;
}

/** What an order of this plan costs: the plan's price for the period, and nothing else. */
export const planPrice = (plan: Plan, billingPeriod: 'monthly' | 'annual'): string =>
  billingPeriod === 'annual' ? plan.annualFee : plan.monthlyFee;
