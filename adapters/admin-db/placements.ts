import { AltaError } from '../../contract/errors.ts';
import { JOB_STATUS, takeSlot } from './take-slot.ts';
import type { Tx } from './db.ts';
import { rankClusters, type Candidate, type RankedCandidate } from './rank.ts';

export { rankClusters } from './rank.ts';
export type { Candidate, RankedCandidate, Ranking } from './rank.ts';
export { confirmPlacement, expirePlacements, releasePlacement } from './placement-ends.ts';

const CANDIDATE = `jsonb_build_object('clusterId', c.cluster_id, 'weight', c.weight, 'isActive', c.is_active, 'status', c.status,
  'maxTenants', c.max_tenants, 'tenantCount', c.tenant_count)`;

/** All clusters as the choice sees them now, eligible or not. */
export async function readCandidates(db: Tx): Promise<Candidate[]> {
  const [row] = await db.query<{ candidates: Candidate[] }>({
    name: 'admin-db.read-candidates',
    text: `select coalesce(jsonb_agg(${CANDIDATE} order by c.cluster_id), '[]') as candidates from backend_clusters c`,
  });
  return row?.candidates ?? [];
}

interface Situation {
  stored: string | null;
  jobStatus: string | null;
  live: { id: string; clusterId: string; candidates: RankedCandidate[] } | null;
  /** Whether anything of the account may already stand on the stored cluster. */
  begun: boolean;
  candidates: Candidate[];
}

const LOOK = `
  select a.backend_cluster_id as stored, ${JOB_STATUS} as "jobStatus",
    (select jsonb_build_object('id', p.id, 'clusterId', p.cluster_id, 'candidates', p.candidates)
     from placements p where p.account_id = a.id and p.status in ('reserved', 'confirmed')) as live,
    exists (select from provisioning_job_steps s join provisioning_jobs k on k.id = s.job_id
            where k.account_id = a.id and s.step = 'upsert-client' and s.status not in ('compensated', 'skipped')) as begun,
    (select coalesce(jsonb_agg(${CANDIDATE} order by c.cluster_id), '[]') from backend_clusters c) as candidates
  from nv_accounts a left join provisioning_jobs j on j.id = $2 and j.account_id = a.id
  where a.id = $1`;

export interface Reservation {
  accountId: string;
  jobId: string;
  /** How long the slot is held for a run that does not go on. */
  ttlSeconds: number;
  /** Numbers in [0, 1); tests give their own. */
  random?: () => number;
}

export interface ReservedPlacement {
  /** Null when no cluster has room now (P-162): wait and ask again. */
  clusterId: string | null;
  candidates: RankedCandidate[];
  /** True when the stored assignment was kept. */
  reused: boolean;
}

/**
 * Reserves a slot on a cluster for an account (P-124, P-505, P-506). A stored assignment wins (I2, P-062); otherwise eligible clusters
 * are tried in the order of a weighted draw, each by one conditional statement that takes the slot, stores the assignment and the
 * candidates, or does nothing. Repeating it gives the same cluster and takes no second slot.
 *
 * Throws ACCOUNT_NOT_FOUND, NOT_FOUND for a job that is not the account's, CONFLICT for a job that has ended or is being undone.
 */
export async function reservePlacement(db: Tx, reservation: Reservation): Promise<ReservedPlacement> {
  const { accountId, jobId, ttlSeconds, random = Math.random } = reservation;
  // A round is lost only when the same account changed between look and act; the next look sees it.
  for (let round = 0; round < 3; round += 1) {
    const now = await look(db, accountId, jobId);
    if (now.stored !== null && now.live !== null) {
      if (await renew(db, reservation, now.live.id))
        return { clusterId: now.live.clusterId, candidates: now.live.candidates, reused: true };
      continue;
    }
    const result = now.stored === null ? await draw(db, reservation, now.candidates, random) : await keep(db, reservation, now, now.stored);
    if (result === 'changed') continue;
    if (result.clusterId === null) await noteCandidates(db, jobId, result.candidates);
    return result;
  }
  throw new AltaError('ADMIN_DB_UNAVAILABLE', `account ${accountId} changes while a slot is reserved (${ttlSeconds} s); try again`);
}

async function look(db: Tx, accountId: string, jobId: string): Promise<Situation> {
  const [now] = await db.query<Situation>({ name: 'admin-db.look-for-placement', text: LOOK, values: [accountId, jobId] });
  if (now === undefined) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${accountId}`);
  if (now.jobStatus === null) throw new AltaError('NOT_FOUND', `account ${accountId} has no job ${jobId}`);
  if (!['queued', 'running', 'waiting', 'parked'].includes(now.jobStatus)) {
    throw new AltaError('CONFLICT', `job ${jobId} is ${now.jobStatus} and takes no slot`);
  }
  return now;
}

async function draw(
  db: Tx,
  { accountId, jobId, ttlSeconds }: Reservation,
  clusters: Candidate[],
  random: () => number,
): Promise<ReservedPlacement | 'changed'> {
  const { eligible, refused } = rankClusters(clusters, random);
  const candidates = [...eligible, ...refused];
  for (const candidate of eligible) {
    candidate.reason = null;
    const outcome = await takeSlot(db, { accountId, jobId, ttlSeconds, clusterId: candidate.clusterId, candidates, stays: false });
    if (outcome === 'taken') return { clusterId: candidate.clusterId, candidates, reused: false };
    if (outcome === 'changed') return outcome;
    candidate.reason = 'taken meanwhile';
  }
  return { clusterId: null, candidates, reused: false };
}

/** The account is assigned but holds no slot: its reservation ran out, or an operator assigned it by hand. */
async function keep(
  db: Tx,
  { accountId, jobId, ttlSeconds }: Reservation,
  { candidates: clusters, begun }: Situation,
  clusterId: string,
): Promise<ReservedPlacement | 'changed'> {
  const { eligible, refused } = rankClusters(clusters, () => 0);
  const candidates = [...eligible, ...refused].map((candidate) => ({
    ...candidate,
    score: null,
    reason: candidate.clusterId === clusterId ? null : 'another is assigned',
  }));
  const outcome = await takeSlot(db, { accountId, jobId, ttlSeconds, clusterId, candidates, stays: begun });
  if (outcome === 'changed') return outcome;
  if (outcome === 'taken') return { clusterId, candidates, reused: true };
  for (const candidate of candidates) {
    if (candidate.clusterId === clusterId)
      candidate.reason = refused.find((one) => one.clusterId === clusterId)?.reason ?? 'taken meanwhile';
  }
  return { clusterId: null, candidates, reused: true };
}

async function renew(db: Tx, { accountId, jobId, ttlSeconds }: Reservation, placementId: string): Promise<boolean> {
  const rows = await db.query({
    name: 'admin-db.renew-placement',
    text: `with kept as (
             update placements set job_id = $2, expires_at = greatest(expires_at, now() + make_interval(secs => $3))
             where id = $4 and account_id = $1 and status in ('reserved', 'confirmed') returning cluster_id, candidates
           )
           update provisioning_jobs j set cluster_id = kept.cluster_id, placement = kept.candidates, updated_at = now()
           from kept where j.id = $2 returning j.id`,
    values: [accountId, jobId, ttlSeconds, placementId],
  });
  return rows.length > 0;
}

async function noteCandidates(db: Tx, jobId: string, candidates: RankedCandidate[]): Promise<void> {
  await db.query({
    name: 'admin-db.note-candidates',
    text: 'update provisioning_jobs set placement = $2, updated_at = now() where id = $1',
    values: [jobId, JSON.stringify(candidates)],
  });
}
