import { z } from 'zod';
import { isUuid } from '../../contract/ids.ts';
import { effect } from '../effect.ts';
import { ASSET_BUCKET } from './assets.ts';
import { auth, storage } from './call.ts';
import type { Cluster } from './router.ts';

const PAGE = 500;

const usersForm = z.array(z.object({ id: z.uuid(), app_metadata: z.record(z.string(), z.unknown()).nullish() }));

/** Every auth user of a cluster by id; the value is the account that Alta made it for, null for somebody else's user. */
export type AuthUsers = Map<string, string | null>;

/**
 * All auth users of a cluster, a page at a time; no e-mail is kept. Ends at the first page that brings nobody new, whatever size of page
 * the cluster holds to. Throws the codes of a cluster call.
 */
export async function listAuthUsers(cluster: Cluster): Promise<AuthUsers> {
  const found: AuthUsers = new Map();
  for (let page = 1; ; page += 1) {
    const { data } = await effect('cluster.list-users', () =>
      auth(cluster, 'list-users', () => cluster.client.auth.admin.listUsers({ page, perPage: PAGE })),
    );
    const before = found.size;
    for (const { id, app_metadata: marks } of usersForm.parse(data.users)) {
      const account = marks?.['tenant_id'];
      found.set(id, typeof account === 'string' && isUuid(account) ? account : null);
    }
    if (found.size === before) return found;
  }
}

/**
 * The ids of the client rows below whose prefix the cluster's storage holds objects. A hosted project lists one folder of a prefix once,
 * the local stand-in every object. Throws the codes of a cluster call.
 */
export async function listAssetFolders(cluster: Cluster): Promise<Set<string>> {
  const folders = new Set<string>();
  for (let offset = 0; ; offset += PAGE) {
    const options = { limit: PAGE, offset, sortBy: { column: 'name', order: 'asc' } };
    const page = await effect('cluster.list-folders', () =>
      storage(cluster, 'list-folders', () => cluster.client.storage.from(ASSET_BUCKET).list('', options)),
    );
    for (const { name } of page) {
      const [folder] = name.split('/');
      if (folder !== undefined && isUuid(folder)) folders.add(folder);
    }
    if (page.length < PAGE) return folders;
  }
}
