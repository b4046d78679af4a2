import { storage } from './call.ts';
import type { Cluster } from './router.ts';

/** Names in one answer of the storage. */
const PAGE = 1_000;

/**
 * Full names of all objects below a prefix, folders opened, in order. A hosted project lists one folder without its prefix, the local
 * stand-in everything below it with the prefix. Throws the codes of a cluster call.
 */
export async function listObjects(cluster: Cluster, act: string, bucket: string, prefix: string): Promise<string[]> {
  const found = new Set<string>();
  const folders = [prefix];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const within = folder;
    for (let offset = 0; ; offset += PAGE) {
      const options = { limit: PAGE, offset, sortBy: { column: 'name', order: 'asc' } };
      const page = await storage(cluster, act, () => cluster.client.storage.from(bucket).list(within, options));
      for (const { name, id } of page as { name: string; id: string | null }[]) {
        const full = name.startsWith(`${prefix}/`) ? name : `${within}/${name}`;
        if (id === null) folders.push(full);
        else found.add(full);
      }
      if (page.length < PAGE) break;
    }
  }
  return [...found].sort();
}

/** The bytes of one object. Throws the codes of a cluster call. */
export async function readObject(cluster: Cluster, act: string, bucket: string, name: string): Promise<Buffer> {
  const blob = await storage(cluster, act, () => cluster.client.storage.from(bucket).download(name));
  return Buffer.from(await blob.arrayBuffer());
}
