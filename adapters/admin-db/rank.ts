/** A cluster as the choice sees it, read fresh from the registry (P-505). */
export interface Candidate {
  clusterId: string;
  weight: number;
  isActive: boolean;
  status: string;
  /** Null: no limit. */
  maxTenants: number | null;
  tenantCount: number;
}

/** A candidate with its score and, unless it was chosen, why it lost. Stored with the placement and the job. */
export interface RankedCandidate {
  clusterId: string;
  weight: number;
  tenantCount: number;
  maxTenants: number | null;
  /** Key of the draw (greater is better); null for a cluster that took no part. */
  score: number | null;
  /** `inactive`, `status:<status>`, `full`, `no weight`, `drawn lower`, `taken meanwhile`; null for the chosen one. */
  reason: string | null;
}

export interface Ranking {
  /** Eligible clusters, best first. */
  eligible: RankedCandidate[];
  /** The others, each with its reason. */
  refused: RankedCandidate[];
}

/** Why a cluster may take no new tenant (P-505, P-506); null when it may. */
export function refusal(candidate: Candidate): string | null {
  if (!candidate.isActive) return 'inactive';
  if (candidate.status !== 'ready') return `status:${candidate.status}`;
  if (!(candidate.weight > 0)) return 'no weight';
  if (candidate.maxTenants !== null && candidate.tenantCount >= candidate.maxTenants) return 'full';
  return null;
}

/**
 * Ranks the clusters for one new tenant: a weighted draw without replacement (Efraimidis and Spirakis, 2006). Each eligible cluster
 * gets the key `u^(1/weight)`, here as `ln(u)/weight`, which has the same order and no underflow; so the first place falls to a
 * cluster with a probability of exactly its share of the weight, and the rest is the order in which to try on.
 *
 * `random` gives numbers in [0, 1).
 */
export function rankClusters(candidates: readonly Candidate[], random: () => number): Ranking {
  const ranking: Ranking = { eligible: [], refused: [] };
  for (const candidate of candidates) {
    const { clusterId, weight, tenantCount, maxTenants } = candidate;
    const reason = refusal(candidate);
    // 1 - u lies in (0, 1], so that the logarithm is finite.
    const score = reason === null ? Math.log(1 - random()) / weight : null;
    (reason === null ? ranking.eligible : ranking.refused).push({ clusterId, weight, tenantCount, maxTenants, score, reason });
  }
  ranking.eligible.sort((a, b) => (b.score as number) - (a.score as number));
  for (const [index, candidate] of ranking.eligible.entries()) candidate.reason = index === 0 ? null : 'drawn lower';
  return ranking;
}
