import { AltaError } from '../../contract/errors.ts';
import { effect } from '../effect.ts';
import { storage } from './call.ts';
import type { Cluster } from './router.ts';
import { listObjects, readObject } from './objects.ts';

/**
 * A private bucket of a cluster's storage, made when it is not there. Throws EXPORT_NOT_CONFIGURED when everybody may read it, and the
 * codes of a cluster call.
 */
export async function openBucket(cluster: Cluster, bucket: string) {
  const act = 'archive';
  const calls = cluster.client.storage;
  const known = (await effect('cluster.list-buckets', () => storage(cluster, act, () => calls.listBuckets()))).find(
    ({ id }) => id === bucket,
  );
  if (known?.public)
    throw new AltaError('EXPORT_NOT_CONFIGURED', `bucket ${bucket} of cluster ${cluster.clusterId} is public; archives hold personal data`);
  if (known === undefined)
    await effect('cluster.create-bucket', () => storage(cluster, act, () => calls.createBucket(bucket, { public: false })));
  return {
    locationOf: (name: string): string => `cluster://${cluster.clusterId}/${bucket}/${name}`,
    async write(name: string, bytes: Uint8Array): Promise<void> {
      const options = { contentType: 'application/octet-stream', upsert: true };
      await storage(cluster, act, () => calls.from(bucket).upload(name, bytes, options));
    },
    read: (name: string): Promise<Buffer> => readObject(cluster, act, bucket, name),
    async discard(prefix: string): Promise<void> {
      const names = await listObjects(cluster, act, bucket, prefix);
      if (names.length > 0) await storage(cluster, act, () => calls.from(bucket).remove(names));
    },
  };
}
