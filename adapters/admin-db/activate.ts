import { AltaError } from '../../contract/errors.ts';
import { BORN_ASPECTS } from '../../contract/account.ts';
import { traceparent } from '../trace.ts';
import type { Tx } from './db.ts';
import { intoOutbox } from './publish.ts';
import { JOB_STATUS, takeSlot } from './take-slot.ts';

export interface Activation {
  accountId: string;
  jobId: string;
  clusterId: string;
  clientId: string;
  actor: string;
}

/**
 * The pivot in one statement: `gate` locks account, job and placement and lets through only what may go live; everything else hangs
 * on it, so that all of it happens or nothing.
 */
const ACTIVATE = `
  with gate as (
    select a.id, a.status, p.id as placement_id
    from nv_accounts a
    join provisioning_jobs j on j.id = $2 and j.account_id = a.id
    join placements p on p.account_id = a.id and p.cluster_id = $3 and p.status in ('reserved', 'confirmed')
    where a.id = $1 and a.status in ('paid', 'provision_failed') and a.backend_cluster_id = $3
      and j.status in ('queued', 'running', 'waiting', 'parked') and j.activated_at is null and j.undo_began_at is null
    for update
  ), account as (
    update nv_accounts a set status = 'provisioned' from gate where a.id = gate.id returning a.id, a.version
  ), placement as (
    update placements p set status = 'confirmed', confirmed_at = now(), job_id = $2 from gate where p.id = gate.placement_id
  ), subscription as (
    update subscriptions s set status = 'active', updated_at = now() from gate where s.account_id = gate.id and s.status = 'pending'
  ), job as (
    update provisioning_jobs j set activated_at = now(), activated_version = account.version, cluster_id = $3, client_id = $4, updated_at = now()
    from account where j.id = $2
  ), audit as (
    insert into lifecycle_events (account_id, cluster_id, event_type, from_value, to_value, actor, reason)
    select gate.id, $3, 'status.changed', gate.status, 'provisioned', $5, 'job ' || $2::text from gate
  ), published as (
    ${intoOutbox(`
    select 'account', 'account.created/' || id, 'account.created', id,
      jsonb_build_object('type', 'account.created', 'accountId', id, 'version', version, 'aspects', $6::jsonb), $7::text
    from account`)}
  )
  select version from account`;

interface Refused {
  status: string;
  stored: string | null;
  jobStatus: string | null;
  activatedVersion: number | null;
  placed: string | null;
}

/**
 * Makes an account live (P-133): status, slot, audit row and `account.created` in one transaction. When this job did it already, it
 * changes nothing and answers the version of then. A run that was so slow that its reservation expired takes a slot again on the
 * cluster where its store stands.
 *
 * Throws ACCOUNT_NOT_FOUND, ACCOUNT_STATE_INVALID, CONFLICT when the job has ended or is being undone or when another open store has
 * the slug or domain, PLACEMENT_LOST when the slot is gone and the cluster is full.
 */
export async function activateAccount(db: Tx, activation: Activation): Promise<{ version: number }> {
  const version = (await attempt(db, activation)) ?? (await settle(db, activation));
  return { version };
}

async function attempt(db: Tx, { accountId, jobId, clusterId, clientId, actor }: Activation): Promise<number | undefined> {
  try {
    const [row] = await db.query<{ version: number }>({
      name: 'admin-db.activate-account',
      text: ACTIVATE,
      values: [accountId, jobId, clusterId, clientId, actor, JSON.stringify(BORN_ASPECTS), traceparent()],
    });
    return row?.version;
  } catch (error) {
    throw takenName(error) ?? error;
  }
}

/** The breach of a name or domain that another open store has, as CONFLICT; undefined for any other failure. */
export function takenName(error: unknown): AltaError | undefined {
  const constraint = error instanceof AltaError ? error.details['constraint'] : undefined;
  if (constraint === 'nv_accounts_open_slug') return new AltaError('CONFLICT', 'slug: another open store has it', { cause: error });
  if (constraint === 'nv_accounts_open_domain')
    return new AltaError('CONFLICT', 'custom_domain: another open store has it', { cause: error });
  return undefined;
}

async function settle(db: Tx, activation: Activation): Promise<number> {
  const { accountId, jobId, clusterId } = activation;
  const [now] = await db.query<Refused>({
    name: 'admin-db.why-not-activated',
    text: `select a.status, a.backend_cluster_id as stored, ${JOB_STATUS} as "jobStatus", j.activated_version as "activatedVersion",
             (select p.cluster_id from placements p where p.account_id = a.id and p.status in ('reserved', 'confirmed')) as placed
           from nv_accounts a left join provisioning_jobs j on j.id = $2 and j.account_id = a.id where a.id = $1`,
    values: [accountId, jobId],
  });
  if (now === undefined) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${accountId}`);
  if (now.activatedVersion !== null) return now.activatedVersion;
  if (now.jobStatus === null) throw new AltaError('NOT_FOUND', `account ${accountId} has no job ${jobId}`);
  if (!['queued', 'running', 'waiting', 'parked'].includes(now.jobStatus)) {
    throw new AltaError('CONFLICT', `job ${jobId} is ${now.jobStatus} and activates nothing`);
  }
  if (now.status !== 'paid' && now.status !== 'provision_failed') {
    throw new AltaError('ACCOUNT_STATE_INVALID', `account ${accountId} is ${now.status}; only a paid one goes live`);
  }
  const lost = new AltaError('PLACEMENT_LOST', `account ${accountId} holds no slot on ${clusterId} (its cluster: ${now.stored ?? 'none'})`);
  if (now.placed !== null && (now.placed !== clusterId || now.stored !== clusterId)) throw lost;
  if (now.placed === null) {
    const outcome = await takeSlot(db, { accountId, jobId, clusterId, ttlSeconds: 3_600, candidates: [], stays: true });
    if (outcome !== 'taken') throw lost;
  }
  const version = await attempt(db, activation);
  if (version === undefined) throw lost;
  return version;
}
