import {
  addLifecycleEvent,
  countSealed,
  resealAll,
  type AdminDb,
  type RotationReport,
  type SealedCount,
} from '../../adapters/admin-db/index.ts';
import type { Config } from '../../adapters/config.ts';
import { readKeyRing } from '../../adapters/key-ring.ts';
import { createVault } from '../../adapters/vault/index.ts';

type KeyConfig = Pick<Config, 'ALTA_VAULT_KEYS' | 'ALTA_CODEC_KEYS'>;

export interface VaultKeyStatus {
  keyId: string;
  /** `current` seals; `needed` still seals rows; `removable` seals none; `missing` seals rows and is not in the setting. */
  state: 'current' | 'needed' | 'removable' | 'missing';
  rows: number;
}

export interface KeysStatus {
  vault: VaultKeyStatus[];
  /** Where the vault's rows are. */
  fields: SealedCount[];
  /** Key ids of the payload codec, the sealing one first. An older one is needed while Temporal keeps a history sealed under it. */
  codec: string[];
}

/** Which keys are set, what is sealed under each, and which can go. Shows no key. Throws CONFIG_INVALID and the Admin DB's codes. */
export async function keysStatus(db: AdminDb, config: KeyConfig): Promise<KeysStatus> {
  const { keyIds } = createVault(config.ALTA_VAULT_KEYS);
  const fields = await countSealed(db);
  const rowsOf = (keyId: string): number => fields.filter((field) => field.keyId === keyId).reduce((sum, { rows }) => sum + rows, 0);
  const missing = [...new Set(fields.map(({ keyId }) => keyId))].filter((keyId) => !keyIds.includes(keyId));
  const set = keyIds.map((keyId, index): VaultKeyStatus => {
    const rows = rowsOf(keyId);
    return { keyId, rows, state: index === 0 ? 'current' : rows > 0 ? 'needed' : 'removable' };
  });
  return {
    vault: [...set, ...missing.map((keyId): VaultKeyStatus => ({ keyId, rows: rowsOf(keyId), state: 'missing' }))],
    fields,
    codec: config.ALTA_CODEC_KEYS === undefined ? [] : [...readKeyRing('ALTA_CODEC_KEYS', config.ALTA_CODEC_KEYS).ids],
  };
}

/** Seals the vault's rows anew under its current key, and writes one line about it into the audit. Errors as `resealAll`. */
export async function rotateKeys(
  db: AdminDb,
  config: KeyConfig,
  { actor, batch, onBatch }: { actor: string; batch?: number; onBatch?: (resealed: number) => void },
): Promise<RotationReport> {
  const vault = createVault(config.ALTA_VAULT_KEYS);
  const report = await resealAll(db, vault, { ...(batch === undefined ? {} : { batch }), ...(onBatch === undefined ? {} : { onBatch }) });
  if (report.resealed > 0) {
    await addLifecycleEvent(db, {
      type: 'keys.rotated',
      to: vault.currentKeyId,
      actor,
      reason: `${report.resealed} values sealed anew, ${report.unopened.length} not opened`,
    });
  }
  return report;
}
