import { z } from 'zod';
import { AltaError } from '../../contract/errors.ts';
import { SEED_VERSION, type SeedBundle } from '../../contract/seeds.ts';
import { effect } from '../effect.ts';
import { rpc, type StoreContext, type UndoTarget } from './call.ts';
import type { Cluster } from './router.ts';

const KINDS = ['pages', 'settings', 'shipping', 'palettes'] as const;
const count = z.int().nonnegative();
const seedAnswer = z.object({
  outcome: z.literal('written'),
  added: count,
  pages: count,
  settings: count,
  shipping: count,
  palettes: count,
});

/** Items of the bundle that the store has at the end, by kind, and how many this call added. */
export type SeedCounts = Record<(typeof KINDS)[number] | 'added', number>;

/**
 * Adds what the store lacks of the bundle; an item that is there stays as the merchant left it (P-131). Counted at the end.
 * Throws SEED_INCOMPLETE, CONFLICT, NOT_FOUND and the codes of a cluster call.
 */
export async function seedContent(
  cluster: Cluster,
  { accountId, clientId, jobId, version, bundle }: StoreContext & { bundle: SeedBundle },
): Promise<SeedCounts> {
  const argument = { account_id: accountId, client_id: clientId, job_id: jobId, version, seed_version: SEED_VERSION, bundle };
  const { added, pages, settings, shipping, palettes } = await effect('cluster.seed-content', () =>
    rpc(cluster, 'seed-content', 'alta_seed_content', argument, seedAnswer),
  );
  const counts = { added, pages, settings, shipping, palettes };
  const short = KINDS.find((kind) => counts[kind] < bundle[kind].length);
  if (short !== undefined) {
    const [found, wanted] = [counts[short], bundle[short].length];
    throw new AltaError('SEED_INCOMPLETE', `seed-content: cluster ${cluster.clusterId} has ${found} of ${wanted} ${short}`, {
      details: { clusterId: cluster.clusterId, kind: short, found, wanted },
    });
  }
  return counts;
}

const undoAnswer = z.object({ outcome: z.literal('deleted'), removed: count });

/** Deletes the items that `jobId` added (P-152). */
export async function undoSeed(cluster: Cluster, { accountId, jobId, version }: UndoTarget): Promise<{ removed: number }> {
  const argument = { account_id: accountId, job_id: jobId, version };
  const { removed } = await effect('cluster.undo-content', () =>
    rpc(cluster, 'undo-seed-content', 'alta_undo_content', argument, undoAnswer),
  );
  return { removed };
}
