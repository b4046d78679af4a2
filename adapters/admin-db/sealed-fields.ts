import { isAltaError } from '../../contract/errors.ts';
import type { Vault } from '../vault/index.ts';
import type { AdminDb, Tx } from './db.ts';

/** Every column that holds text sealed by the vault. A new one belongs here, or a rotation passes it over. */
export const SEALED_FIELDS = [
  { table: 'backend_clusters', id: 'cluster_id', type: 'text', field: 'service_role_key' },
  { table: 'backend_clusters', id: 'cluster_id', type: 'text', field: 'db_url_encrypted' },
  { table: 'nv_accounts', id: 'id', type: 'uuid', field: 'mp_access_token_encrypted' },
  { table: 'nv_accounts', id: 'id', type: 'uuid', field: 'mp_refresh_token_encrypted' },
  { table: 'mp_authorizations', id: 'id', type: 'uuid', field: 'verifier_encrypted' },
  { table: 'mp_authorizations', id: 'id', type: 'uuid', field: 'code_encrypted' },
] as const;
type SealedField = (typeof SEALED_FIELDS)[number];

export interface SealedCount {
  table: string;
  field: string;
  keyId: string;
  rows: number;
}

/** How many values of each field are sealed under which key. */
export async function countSealed(db: Tx): Promise<SealedCount[]> {
  return db.query<SealedCount>({
    name: 'admin-db.count-sealed',
    text: SEALED_FIELDS.map(
      ({ table, field }) =>
        `select '${table}' as table, '${field}' as field, split_part(${field}, '.', 2) as "keyId", count(*) as rows
         from ${table} where ${field} is not null group by 3`,
    ).join(' union all '),
  });
}

export interface RotationReport {
  /** Values that were sealed anew. */
  resealed: number;
  /** Values that somebody else wrote meanwhile; under the current key, as every writer has it first. */
  changedMeanwhile: number;
  /** Values that no key of the vault opens, with the code; they are left as they are. */
  unopened: { table: string; field: string; id: string; code: string }[];
}

/**
 * Seals every value anew that is not under the vault's current key, a batch a transaction: stopped at any point, the next run goes
 * on with what is left. A value that changed since it was read is not touched. Versions and revisions stay as they are.
 * Throws ADMIN_DB_UNAVAILABLE or ADMIN_DB_REJECTED. `onBatch` is told of the values sealed so far.
 */
export async function resealAll(
  db: AdminDb,
  vault: Vault,
  { batch = 200, onBatch = () => undefined }: { batch?: number; onBatch?: (resealed: number) => void } = {},
): Promise<RotationReport> {
  const report: RotationReport = { resealed: 0, changedMeanwhile: 0, unopened: [] };
  for (const sealedField of SEALED_FIELDS) {
    let after: string | null = null;
    for (;;) {
      const found: { id: string; sealed: string }[] = await readBatch(db, sealedField, vault.currentKeyId, after, batch);
      if (found.length === 0) break;
      after = found.at(-1)!.id;
      const anew = found.flatMap(({ id, sealed }) => sealAnew(vault, sealedField, id, sealed, report));
      const written = anew.length === 0 ? 0 : await writeBatch(db, sealedField, anew);
      report.resealed += written;
      report.changedMeanwhile += anew.length - written;
      onBatch(report.resealed);
    }
  }
  return report;
}

const readBatch = (
  db: Tx,
  { table, id, type, field }: SealedField,
  currentKeyId: string,
  after: string | null,
  limit: number,
): Promise<{ id: string; sealed: string }[]> =>
  db.query({
    name: `admin-db.read-sealed-${table}-${field}`,
    text: `select ${id}::text as id, ${field} as sealed from ${table}
           where ${field} is not null and split_part(${field}, '.', 2) <> $1 and ($2::${type} is null or ${id} > $2::${type})
           order by ${id} limit $3`,
    values: [currentKeyId, after, limit],
  });

function sealAnew(
  vault: Vault,
  { table, field }: SealedField,
  id: string,
  sealed: string,
  report: RotationReport,
): { id: string; sealed: string; anew: string }[] {
  const place = { table, id, field };
  try {
    return [{ id, sealed, anew: vault.seal(vault.open(sealed, place), place) }];
  } catch (error) {
    if (!isAltaError(error)) throw error;
    report.unopened.push({ table, field, id, code: error.code });
    return [];
  }
}

const writeBatch = (
  db: AdminDb,
  { table, id, type, field }: SealedField,
  values: { id: string; sealed: string; anew: string }[],
): Promise<number> =>
  db.tx(`admin-db.reseal-${table}-${field}`, async (tx) => {
    await tx.query({ name: 'admin-db.reseal-on', text: `select set_config('alta.reseal', 'on', true)` });
    const written = await tx.query({
      name: `admin-db.write-sealed-${table}-${field}`,
      text: `update ${table} t set ${field} = v.anew
             from unnest($1::${type}[], $2::text[], $3::text[]) as v (id, sealed, anew)
             where t.${id} = v.id and t.${field} = v.sealed returning t.${id}`,
      values: [values.map((value) => value.id), values.map(({ sealed }) => sealed), values.map(({ anew }) => anew)],
    });
    return written.length;
  });
