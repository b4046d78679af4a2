/** Clusters: Supabase projects that hold stores, called through supabase-js with the service key only (P-513). */
export { createAdminUser, recoveryLink, undoAdminUser } from './admin-user.ts';
export { fingerprintOf, setEntitlements, syncMpCredentials, undoEntitlements, undoMpCredentials, type UndoOutcome } from './aspects.ts';
export { ASSET_BUCKET, logoPath, putAssets, undoAssets, type Logo } from './assets.ts';
export { openBucket } from './bucket.ts';
export type { StoreContext, UndoTarget } from './call.ts';
export { classifyAuthError, classifyRestError, classifyStorageError, type CallFacts } from './classify.ts';
export { publishClient, undoClient, upsertClient, type WriteOutcome } from './client-row.ts';
export { seedContent, undoSeed, type SeedCounts } from './content.ts';
export { readStoreObject, readStoreTable, storeObjects, storeTables, type ExportedRow } from './export-rows.ts';
export { listAssetFolders, listAuthUsers, type AuthUsers } from './leftovers.ts';
export { clearMpCredentials, deleteClient, setSettings } from './life.ts';
export { confirmShopOrder, placeShopOrder, readMpCredentials, type PlacedShopOrder } from './orders.ts';
export { readOpenStore, type OpenStore } from './open-store.ts';
export { createClusterRouter, type Cluster, type ClusterRouter, type ClusterSecrets, type RouterOptions } from './router.ts';
export { checkClusterSchema } from './schema.ts';
export { readStore, type Store } from './store.ts';
export { listTenants, type Tenant } from './tenants.ts';
