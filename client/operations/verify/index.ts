import { brokenRows, IN_PROGRESS_SECONDS, moneyReport } from '../../../adapters/admin-db/index.ts';
import { searchHistories } from './histories.ts';
import { judgeMoney, type Violation } from './laws.ts';
import { compareMoney } from './payments.ts';
import { confirmed, openWorkflowIds, suspectRefunds } from './runs.ts';
import { lookAt, type Findings, type SourceLook, type VerifyDeps, type VerifyOptions } from './sources.ts';
import { walkStores } from './stores.ts';

export type { Law, Violation } from './laws.ts';
export type { SourceLook, VerifyDeps, VerifyOptions } from './sources.ts';

export interface Verification {
  accounts: number;
  tenants: number;
  /** Clusters that gave no answer: what stands there was not looked at. */
  unseen: { clusterId: string; code: string }[];
  /** What was read beside Admin DB and clusters, and what could not be. */
  sources: SourceLook[];
  violations: Violation[];
}

/**
 * The oracle: reads the Admin DB, every cluster with its auth users and pictures, and as far as they are given Temporal's runs and
 * histories and Mercado Pago; changes nothing, and names each row that breaks a law of design.md (G1 to G9). Accounts and client rows are
 * walked side by side in the order of their ids, a page at a time; of users and runs only ids are kept. On a system at work it may see a
 * change half way: look twice (`verifyTwice`). Throws the codes of the Admin DB; another source's failure is in the answer.
 */
export async function verify(deps: VerifyDeps, options: VerifyOptions = {}): Promise<Verification> {
  const { db, temporal, config, mp } = deps;
  const { lateSeconds = IN_PROGRESS_SECONDS, limit = 1_000, runs = 100_000, histories = 0, paymentDays = 30, payments = 1_000 } = options;
  const result: Verification = { accounts: 0, tenants: 0, unseen: [], sources: [], violations: [] };
  const told = ({ look, violations }: Findings): void => {
    result.sources.push(look);
    result.violations.push(...violations);
  };
  let open: ReadonlySet<string> | undefined;
  const seen =
    temporal &&
    config &&
    (await lookAt('temporal', async (findings) => void (open = await openWorkflowIds(temporal, config, runs, findings))));
  const suspects = await walkStores(deps, options, result, open);
  if (temporal && seen && open) {
    suspects.push(...(await suspectRefunds(db, open, limit)));
    told(
      await lookAt('temporal', async (findings) => {
        Object.assign(findings.look, seen.look);
        findings.violations.push(...(await confirmed(temporal, suspects, limit)));
      }),
    );
  } else if (seen) told(seen);
  if (temporal && config && histories > 0)
    told(await lookAt('histories', (findings) => searchHistories(temporal, config, histories, findings)));
  if (mp) {
    const bounds = { days: paymentDays, payments, lateSeconds, limit };
    told(await lookAt('mercado-pago', (findings) => compareMoney(db, mp, bounds, findings)));
  }
  const [money, rows] = await Promise.all([
    moneyReport(db, { limit, inProgressSeconds: lateSeconds }),
    brokenRows(db, { lateSeconds, limit }),
  ]);
  result.violations.push(...judgeMoney(money), ...rows);
  return result;
}

/** Looks twice, `settle` apart, and tells only what was broken both times: a system at work is between two states for a moment. */
export async function verifyTwice(deps: VerifyDeps, settle: () => Promise<unknown>, options: VerifyOptions = {}): Promise<Verification> {
  const first = await verify(deps, options);
  if (first.violations.length === 0) return first;
  await settle();
  const second = await verify(deps, options);
  const before = new Set(first.violations.map(keyOf));
  return { ...second, violations: second.violations.filter((violation) => before.has(keyOf(violation))) };
}

const keyOf = ({ law, row }: Violation): string => `${law} ${row}`;
