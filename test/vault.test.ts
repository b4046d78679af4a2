import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { createVault, type SealPlace } from '../adapters/vault/index.ts';
import { isAltaError } from '../contract/errors.ts';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const place: SealPlace = { table: 'nv_accounts', id: 'a1', field: 'mp_access_token_encrypted' };

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (isAltaError(error)) return error.code;
    throw error;
  }
  return 'no error';
};

describe('the vault', () => {
  test('P-018: any text opens to itself at its place, and the sealed form shows nothing of it', () => {
    const vault = createVault(key('k1'));
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (plain) => {
        const sealed = vault.seal(plain, place);
        expect(sealed).toMatch(/^v1\.k1\.[\w-]{16}\.[\w-]+$/);
        if (plain.length > 8) expect(sealed).not.toContain(plain);
        expect(vault.open(sealed, place)).toBe(plain);
      }),
      { numRuns: 100 },
    );
  });

  test('P-018: the same text seals differently every time', () => {
    const vault = createVault(key('k1'));
    expect(new Set(Array.from({ length: 50 }, () => vault.seal('token', place))).size).toBe(50);
  });

  test.each([
    ['another row', { ...place, id: 'a2' }],
    ['another field', { ...place, field: 'mp_refresh_token_encrypted' }],
    ['another table', { ...place, table: 'backend_clusters' }],
  ])('P-018: a sealed value moved to %s does not open', (_, elsewhere) => {
    const vault = createVault(key('k1'));
    expect(codeOf(() => vault.open(vault.seal('token', place), elsewhere))).toBe('VAULT_TAMPERED');
  });

  test('P-018: no single flipped bit goes unnoticed', () => {
    const vault = createVault(key('k1'));
    const sealed = vault.seal('a token', place);
    const [version, kid, iv, body] = sealed.split('.') as [string, string, string, string];
    const flips = (text: string): string[] =>
      [...Buffer.from(text, 'base64url').keys()].map((at) => {
        const bytes = Buffer.from(text, 'base64url');
        bytes[at] = (bytes[at] as number) ^ 1;
        return bytes.toString('base64url');
      });
    const forged = [...flips(iv).map((x) => [version, kid, x, body]), ...flips(body).map((x) => [version, kid, iv, x])];
    for (const parts of forged) expect(codeOf(() => vault.open(parts.join('.'), place))).toBe('VAULT_TAMPERED');
  });

  test.each(['', 'plain text', 'v1.k1.short.AAAA', 'v2.k1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA', 'v1.k1.AAAAAAAAAAAAAAAA.AAAA'])(
    'P-018: %j is not taken for a sealed value',
    (text) => {
      const vault = createVault(key('k1'));
      expect(codeOf(() => vault.open(text, place))).toBe('VAULT_TAMPERED');
      expect(codeOf(() => vault.keyIdOf(text))).toBe('VAULT_TAMPERED');
    },
  );

  test('P-018: during a rotation the first key seals and every key opens; without its key a value names the key it needs', () => {
    const [old, next] = [key('k1'), key('k2')];
    const sealed = createVault(old).seal('token', place);
    const both = createVault(`${next},${old}`);
    expect(both.open(sealed, place)).toBe('token');
    expect(both.currentKeyId).toBe('k2');
    expect([both.keyIdOf(sealed), both.keyIdOf(both.seal('token', place))]).toEqual(['k1', 'k2']);
    expect(codeOf(() => createVault(next).open(sealed, place))).toBe('VAULT_KEY_UNKNOWN');
    expect(() => createVault(next).open(sealed, place)).toThrow(/key k1/);
  });

  test.each([
    ['nothing', ''],
    ['no key id', randomBytes(32).toString('base64')],
    ['a short key', `k1:${randomBytes(16).toString('base64')}`],
    ['a long key', `k1:${randomBytes(33).toString('base64')}`],
    ['text that is not base64', `k1:${'!'.repeat(44)}`],
    ['base64 with rubbish inside', `k1:${randomBytes(32).toString('base64')}!!`],
    ['the same id twice', `${key('k1')},${key('k1')}`],
    ['an empty entry', `${key('k1')},`],
  ])('P-617 P-018: %s as keys is a configuration error that shows no key', (_, keys) => {
    expect(codeOf(() => createVault(keys))).toBe('CONFIG_INVALID');
    try {
      createVault(keys);
    } catch (error) {
      for (const part of keys.split(/[:,]/).filter((text) => text.length > 20)) expect(String(error)).not.toContain(part);
    }
  });
});
