import { z } from 'zod';
import type { CatalogProduct } from '../../contract/checkout.ts';
import { AltaError } from '../../contract/errors.ts';
import { effect } from '../effect.ts';
import { rpc, storage, type StoreContext, type UndoTarget } from './call.ts';
import type { Cluster } from './router.ts';

/** Bucket of every store's pictures, made by the migrations. */
export const ASSET_BUCKET = 'store-assets';

export interface Logo {
  contentType: string;
  bytes: Buffer;
  /** SHA-256 of the bytes, hex. */
  sha256: string;
}

const EXTENSIONS: Record<string, string> = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp' };

/** Object name of a logo: known before it is copied, the same for the same bytes. Throws ASSET_INVALID for a type we do not keep. */
export function logoPath(clientId: string, { contentType, sha256 }: Pick<Logo, 'contentType' | 'sha256'>): string {
  const extension = EXTENSIONS[contentType];
  if (extension === undefined)
    throw new AltaError('ASSET_INVALID', `logo: ${JSON.stringify(contentType)} is not a picture that a shop shows`);
  return `${clientId}/logo-${sha256.slice(0, 16)}.${extension}`;
}

const putAnswer = z.object({ outcome: z.literal('written'), added: z.int(), products: z.int() });
const undoAnswer = z.object({ outcome: z.literal('deleted'), removed: z.int(), paths: z.array(z.string()) });
const done = z.object({ outcome: z.literal('deleted') });

/** Full names of the objects under the store's prefix. A hosted project lists them without the prefix, the local stand-in with it. */
const list = async (cluster: Cluster, act: string, clientId: string): Promise<Set<string>> => {
  const objects = await storage(cluster, act, () => cluster.client.storage.from(ASSET_BUCKET).list(clientId, { limit: 1_000 }));
  return new Set(objects.map(({ name }) => (name.startsWith(`${clientId}/`) ? name : `${clientId}/${name}`)));
};

/**
 * Puts the logo into storage and the catalogue into `products`, under deterministic names (P-132). The ledger row of an object is
 * written before the object, so that an upload whose answer was lost is undone too. A second run copies nothing; a product that
 * is there stays as the merchant left it. `objects` counts what was copied, `products` what was added.
 *
 * Throws ASSET_INVALID, WRITE_NOT_CONFIRMED, CONFLICT, NOT_FOUND and the codes of a cluster call.
 */
export async function putAssets(
  cluster: Cluster,
  { accountId, clientId, jobId, version, logo, catalog }: StoreContext & { logo: Logo | null; catalog: readonly CatalogProduct[] },
  { heartbeat }: { heartbeat?: (done: string) => void } = {},
): Promise<{ objects: number; products: number }> {
  const act = 'migrate-assets';
  const path = logo === null ? null : logoPath(clientId, logo);
  const argument = {
    account_id: accountId,
    client_id: clientId,
    job_id: jobId,
    version,
    assets:
      logo === null ? [] : [{ path, kind: 'logo', content_type: logo.contentType, bytes: logo.bytes.byteLength, sha256: logo.sha256 }],
    products: catalog,
  };
  const answer = await effect('cluster.put-assets', () => rpc(cluster, act, 'alta_put_assets', argument, putAnswer));
  const skus = new Set(catalog.map(({ sku }) => sku)).size;
  if (answer.products < skus) {
    throw new AltaError('WRITE_NOT_CONFIRMED', `${act}: cluster ${cluster.clusterId} has ${answer.products} of ${skus} products`, {
      details: { clusterId: cluster.clusterId },
    });
  }
  heartbeat?.('products');
  if (logo === null || path === null) return { objects: 0, products: answer.added };

  const there = await effect('cluster.list-objects', () => list(cluster, act, clientId));
  if (there.has(path)) return { objects: 0, products: answer.added };
  heartbeat?.('listed');
  const stored = await effect('cluster.upload-object', () =>
    storage(cluster, act, () =>
      cluster.client.storage.from(ASSET_BUCKET).upload(path, logo.bytes, { contentType: logo.contentType, upsert: true }),
    ),
  );
  if (stored.path !== path) throw new AltaError('WRITE_NOT_CONFIRMED', `${act}: cluster ${cluster.clusterId} stored the logo elsewhere`);
  heartbeat?.('logo');
  return { objects: 1, products: answer.added };
}

/**
 * Removes the objects and products that `jobId` put (P-152); those of an earlier onboarding stay. Looks afterwards, and forgets
 * the objects only when they are gone. Throws WRITE_NOT_CONFIRMED and the codes of a cluster call.
 */
export async function undoAssets(
  cluster: Cluster,
  { accountId, clientId, jobId, version }: UndoTarget & { clientId: string },
): Promise<{ objects: number; products: number }> {
  const act = 'undo-migrate-assets';
  const argument = { account_id: accountId, client_id: clientId, job_id: jobId, version };
  const { paths, removed } = await effect('cluster.undo-assets', () => rpc(cluster, act, 'alta_undo_assets', argument, undoAnswer));
  if (paths.length === 0) return { objects: 0, products: removed };
  await effect('cluster.remove-objects', () => storage(cluster, act, () => cluster.client.storage.from(ASSET_BUCKET).remove(paths)));
  const left = await effect('cluster.list-objects', () => list(cluster, act, clientId));
  if (paths.some((path) => left.has(path))) {
    throw new AltaError('WRITE_NOT_CONFIRMED', `${act}: cluster ${cluster.clusterId} still has objects that were removed`, {
      details: { clusterId: cluster.clusterId },
    });
  }
  await effect('cluster.forget-assets', () => rpc(cluster, act, 'alta_forget_assets', argument, done));
  return { objects: paths.length, products: removed };
}
