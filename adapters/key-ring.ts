import { AltaError } from '../contract/errors.ts';

/** The keys of one setting, by id. The first seals, all open: so a key is rotated without a moment at which something does not open. */
export interface KeyRing {
  /** The id of the key that seals. */
  readonly currentId: string;
  readonly current: Buffer;
  /** The key of an id; undefined when the setting does not have it. */
  get(keyId: string): Buffer | undefined;
  /** Every id, the sealing one first. */
  readonly ids: readonly string[];
}

/** The form of a key's id: it stands in sealed values, so it holds nothing that separates their parts. */
export const KEY_ID = /^[A-Za-z0-9_-]{1,40}$/;
const KEY_BYTES = 32;

/**
 * Reads a setting of the form `key id:base64 of 32 bytes`, several separated by commas. Throws CONFIG_INVALID, which names the
 * setting and a key by its id or position, and never shows a key.
 */
export function readKeyRing(setting: string, text: string): KeyRing {
  const keys = new Map<string, Buffer>();
  for (const [index, entry] of text.split(',').entries()) {
    const at = entry.indexOf(':');
    const keyId = entry.slice(0, Math.max(at, 0)).trim();
    const encoded = entry.slice(at + 1).trim();
    if (!KEY_ID.test(keyId)) {
      throw new AltaError('CONFIG_INVALID', `${setting}: entry ${index + 1} needs a key id of letters, digits, "-" or "_" before a colon`);
    }
    const key = Buffer.from(encoded, 'base64');
    // Node's decoder skips what is not base64, so that a broken key could pass for a shorter, valid one.
    if (key.length !== KEY_BYTES || key.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '')) {
      throw new AltaError('CONFIG_INVALID', `${setting}: key ${keyId} must be the base64 of ${KEY_BYTES} bytes`);
    }
    if (keys.has(keyId)) throw new AltaError('CONFIG_INVALID', `${setting}: key id ${keyId} stands twice`);
    keys.set(keyId, key);
  }
  const [[currentId, current]] = [...keys] as [[string, Buffer]];
  return { currentId, current, ids: [...keys.keys()], get: (keyId) => keys.get(keyId) };
}
