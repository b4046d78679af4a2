import { z } from 'zod';
import { effect } from '../effect.ts';
import { clientIdOf } from '../ids.ts';
import { select } from './call.ts';
import type { Cluster } from './router.ts';

const openStoreForm = z.object({ id: z.uuid(), slug: z.string(), name: z.string(), publication_status: z.string() }).nullable();

/** What every visitor may know of a store. */
export type OpenStore = NonNullable<z.output<typeof openStoreForm>>;

/**
 * Reads the open store of an account as a visitor does, with the publishable key; null when it has none that is published.
 * Throws the codes of a cluster call.
 */
export function readOpenStore(cluster: Cluster, accountId: string): Promise<OpenStore | null> {
  const send = () =>
    cluster.client.from('clients').select('id, slug, name, publication_status').eq('id', clientIdOf(accountId)).maybeSingle();
  return effect('cluster.read-open-store', () => select(cluster, 'read-open-store', send, openStoreForm));
}
