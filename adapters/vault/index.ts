import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AltaError } from '../../contract/errors.ts';
import { readKeyRing } from '../key-ring.ts';

/** Where a sealed value is kept. It is bound into the seal, so that a value copied to another row or field does not open. */
export interface SealPlace {
  table: string;
  id: string;
  field: string;
}

export interface Vault {
  /** Seals a text under the newest key, as `v1.<key id>.<iv>.<ciphertext and tag>` (base64url). */
  seal(plain: string, place: SealPlace): string;
  /** Opens a sealed text. Throws VAULT_KEY_UNKNOWN or VAULT_TAMPERED. */
  open(sealed: string, place: SealPlace): string;
  /** The id of the key that sealed a text; tells which rows a rotation still has to seal anew. Throws VAULT_TAMPERED. */
  keyIdOf(sealed: string): string;
  /** The id of the key that seals. */
  readonly currentKeyId: string;
  /** The ids of all keys, the sealing one first. */
  readonly keyIds: readonly string[];
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^v1\.([A-Za-z0-9_-]{1,40})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]+)$/;

const placeName = ({ table, id, field }: SealPlace): string => `${table}|${id}|${field}`;

/**
 * The vault of the secrets that the Admin DB keeps (decision 6): AES-256-GCM with additional data, done here and not in the
 * database, whose logs would show the keys (facts: reliability 5.9).
 *
 * `keys` is `key id:base64 of 32 bytes`, several separated by commas; the first seals, all open. Throws CONFIG_INVALID.
 */
export function createVault(keys: string): Vault {
  const ring = readKeyRing('ALTA_VAULT_KEYS', keys);
  return {
    currentKeyId: ring.currentId,
    keyIds: ring.ids,
    keyIdOf: (sealed) => split(sealed).keyId,
    seal(plain, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, ring.current, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(placeName(place)));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `v1.${ring.currentId}.${iv.toString('base64url')}.${body.toString('base64url')}`;
    },
    open(sealed, place) {
      const { keyId, iv, body } = split(sealed);
      const key = ring.get(keyId);
      if (key === undefined) {
        throw new AltaError('VAULT_KEY_UNKNOWN', `${placeName(place)}: sealed under key ${keyId}, which ALTA_VAULT_KEYS does not have`);
      }
      const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(placeName(place)));
      decipher.setAuthTag(body.subarray(-TAG_BYTES));
      try {
        return decipher.update(body.subarray(0, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        // The cause is left out on purpose: it says nothing more, and nothing of the value may leave this file.
        throw new AltaError('VAULT_TAMPERED', `${placeName(place)}: does not open under key ${keyId}`);
      }
    },
  };
}

function split(sealed: string): { keyId: string; iv: Buffer; body: Buffer } {
  const [, keyId = '', iv = '', body = ''] = SEALED.exec(sealed) ?? [];
  const parts = { keyId, iv: Buffer.from(iv, 'base64url'), body: Buffer.from(body, 'base64url') };
  if (parts.iv.length !== IV_BYTES || parts.body.length < TAG_BYTES) {
    throw new AltaError('VAULT_TAMPERED', 'a value is not in the sealed form v1.<key id>.<iv>.<ciphertext>');
  }
  return parts;
}
