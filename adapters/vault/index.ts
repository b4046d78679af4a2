import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AltaError } from '../../contract/errors.ts';

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
  /** The key that seals. */
  readonly currentKeyId: string;
}

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^v1\.([A-Za-z0-9_-]{1,40})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]+)$/;

const placeName = ({ table, id, field }: SealPlace): string => `${table}|${id}|${field}`;

/**
 * The vault of the secrets that the Admin DB keeps (decision 6): AES-256-GCM with additional data, done here and not in the
 * database, whose logs would show the keys (facts: reliability 5.9).
 *
 * `keys` is `key id:base64 of 32 bytes`, several separated by commas; the first seals, all open. Throws CONFIG_INVALID, which
 * names a key by its id or position and never shows it.
 */
export function createVault(keys: string): Vault {
  const ring = readKeys(keys);
  const [currentKeyId] = ring.keys();
  if (currentKeyId === undefined) throw new AltaError('CONFIG_INVALID', 'ALTA_VAULT_KEYS: has no key');
  const current = ring.get(currentKeyId) as Buffer;
  return {
    currentKeyId,
    keyIdOf: (sealed) => split(sealed).keyId,
    seal(plain, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, current, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(placeName(place)));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `v1.${currentKeyId}.${iv.toString('base64url')}.${body.toString('base64url')}`;
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

function readKeys(keys: string): Map<string, Buffer> {
  const ring = new Map<string, Buffer>();
  for (const [index, entry] of keys.split(',').entries()) {
    const at = entry.indexOf(':');
    const keyId = entry.slice(0, Math.max(at, 0)).trim();
    const text = entry.slice(at + 1).trim();
    if (!/^[A-Za-z0-9_-]{1,40}$/.test(keyId)) {
      throw new AltaError(
        'CONFIG_INVALID',
        `ALTA_VAULT_KEYS: entry ${index + 1} needs a key id of letters, digits, "-" or "_" before a colon`,
      );
    }
    const key = Buffer.from(text, 'base64');
    // Node's decoder skips what is not base64, so that a broken key could pass for a shorter, valid one.
    if (key.length !== KEY_BYTES || key.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) {
      throw new AltaError('CONFIG_INVALID', `ALTA_VAULT_KEYS: key ${keyId} must be the base64 of ${KEY_BYTES} bytes`);
    }
    if (ring.has(keyId)) throw new AltaError('CONFIG_INVALID', `ALTA_VAULT_KEYS: key id ${keyId} stands twice`);
    ring.set(keyId, key);
  }
  return ring;
}

function split(sealed: string): { keyId: string; iv: Buffer; body: Buffer } {
  const [, keyId = '', iv = '', body = ''] = SEALED.exec(sealed) ?? [];
  const parts = { keyId, iv: Buffer.from(iv, 'base64url'), body: Buffer.from(body, 'base64url') };
  if (parts.iv.length !== IV_BYTES || parts.body.length < TAG_BYTES) {
    throw new AltaError('VAULT_TAMPERED', 'a value is not in the sealed form v1.<key id>.<iv>.<ciphertext>');
  }
  return parts;
}
