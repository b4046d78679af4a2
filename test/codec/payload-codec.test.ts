import { describe, expect, test } from '@jest/globals';
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { loadConfig } from '../../adapters/config.ts';
import { createPayloadCodec, dataConverter, ENCRYPTED } from '../../adapters/temporal/index.ts';
import { isAltaError } from '../../contract/errors.ts';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const KEY = key('k1');
const codecWith = (overrides: Partial<Parameters<typeof createPayloadCodec>[0]> = {}): PayloadCodec =>
  createPayloadCodec({ keys: KEY, namespace: 'shop', plaintext: 'refuse', ...overrides });
const codec = codecWith();

const plain = (text: string): Payload => ({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(text)) });
const of = (workflowId: string): SerializationContext => ({ type: 'workflow', namespace: 'shop', workflowId });
const activityOf = (workflowId: string): SerializationContext => ({ type: 'activity', namespace: 'shop', workflowId, isLocal: false });
const said = (payload: Payload): Record<string, string> =>
  Object.fromEntries(Object.entries(payload.metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString()]));

const sealed = async (text = 'a secret', context?: SerializationContext, by = codec): Promise<Payload> =>
  (await by.encode([plain(text)], context))[0]!;
const opened = async (payload: Payload, context?: SerializationContext, by = codec): Promise<string> =>
  JSON.parse(Buffer.from((await by.decode([payload], context))[0]!.data!).toString()) as string;
const codeOf = async (act: Promise<unknown>): Promise<string> => {
  try {
    await act;
  } catch (error) {
    if (isAltaError(error)) return error.code;
    throw error;
  }
  return 'no error';
};

describe('a payload', () => {
  test('P-115: comes back as it was, its own metadata included, and shows nothing of what it says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), async (datas) => {
        const payloads = datas.map((data) => ({ metadata: { encoding: Buffer.from('json/plain'), kind: Buffer.from('note') }, data }));
        const encoded = await codec.encode(payloads, of('account/1'));
        for (const [index, payload] of encoded.entries()) {
          expect(said(payload)).toEqual({ encoding: ENCRYPTED, 'alta-version': '1', 'alta-key': 'k1', 'alta-workflow': 'account/1' });
          if (datas[index]!.length > 8) expect(Buffer.from(payload.data!).includes(Buffer.from(datas[index]!))).toBe(false);
        }
        const decoded = await codec.decode(encoded, of('account/1'));
        expect(decoded.map(({ data }) => [...data!])).toEqual(datas.map((data) => [...data]));
        expect(decoded.map(said)).toEqual(datas.map(() => ({ encoding: 'json/plain', kind: 'note' })));
      }),
      { numRuns: 60 },
    );
  });

  test('P-115: seals differently every time', async () => {
    const bodies = await Promise.all(Array.from({ length: 50 }, async () => Buffer.from((await sealed()).data!).toString('hex')));
    expect(new Set(bodies).size).toBe(50);
  });

  test('no single flipped bit and no changed metadata goes unnoticed', async () => {
    const payload = await sealed('x', of('account/1'));
    for (const at of Buffer.from(payload.data!).keys()) {
      const data = Buffer.from(payload.data!);
      data[at]! ^= 1;
      expect(await codeOf(codec.decode([{ ...payload, data }]))).toBe('CODEC_TAMPERED');
    }
    const twoKeys = codecWith({ keys: `${KEY},k2:${KEY.slice(3)}` });
    for (const [field, value] of Object.entries({ 'alta-version': '2', 'alta-key': 'k2', 'alta-workflow': 'account/2' })) {
      const metadata = { ...payload.metadata, [field]: Buffer.from(value) };
      expect(await codeOf(twoKeys.decode([{ ...payload, metadata }]))).toBe('CODEC_TAMPERED');
      expect(await codeOf(codec.decode([{ ...payload, metadata: { ...payload.metadata, [field]: new Uint8Array() } }]))).not.toBe(
        'no error',
      );
    }
    for (const data of [new Uint8Array(), randomBytes(27)])
      expect(await codeOf(codec.decode([{ ...payload, data }]))).toBe('CODEC_TAMPERED');
    expect(await codeOf(codec.decode([{ metadata: payload.metadata! }]))).toBe('CODEC_TAMPERED');
  });

  test('opens in its own workflow only: in its activities and in every run of its schedule, and without a context at the endpoint', async () => {
    const payload = await sealed('note', of('account/1'));
    for (const context of [of('account/1'), activityOf('account/1'), undefined]) expect(await opened(payload, context)).toBe('note');
    expect(await codeOf(codec.decode([payload], of('account/2')))).toBe('CODEC_TAMPERED');
    expect(await codeOf(codec.decode([payload], activityOf('account/10')))).toBe('CODEC_TAMPERED');
    const scheduled = await sealed('sweep', of('sweep'));
    expect(await opened(scheduled, of('sweep-2026-11-22T18:00:00Z'))).toBe('sweep');
    const carriedOver = await sealed('result', of('sweep-2026-11-22T18:00:00Z'));
    expect(await opened(carriedOver, of('sweep-2026-11-22T19:00:00Z'))).toBe('result');
    expect(await opened(await sealed('of nobody'), of('account/1'))).toBe('of nobody');
  });

  test('opens in its own namespace only', async () => {
    expect(await codeOf(codecWith({ namespace: 'other' }).decode([await sealed()]))).toBe('CODEC_TAMPERED');
  });

  test('under an unknown key names the key that is missing, and nothing else', async () => {
    const payload = await sealed('the text', of('account/1'));
    await expect(codecWith({ keys: key('k9') }).decode([payload], of('account/1'))).rejects.toMatchObject({
      code: 'CODEC_KEY_UNKNOWN',
      message: 'a payload of account/1 is sealed under key "k1", which ALTA_CODEC_KEYS does not have',
    });
  });

  test('P-115: in plain is refused in production, and let through where runs from before the codec are open', async () => {
    expect(await codeOf(codec.decode([plain('a')]))).toBe('CODEC_PLAINTEXT');
    expect(await codeOf(codec.decode([{}]))).toBe('CODEC_PLAINTEXT');
    expect(await opened(plain('a'), undefined, codecWith({ plaintext: 'accept' }))).toBe('a');
  });
});

describe('a rotation', () => {
  test('the first key seals and every key opens', async () => {
    const before = await sealed('old');
    const both = codecWith({ keys: `${key('k2')},${KEY}` });
    expect(await opened(before, undefined, both)).toBe('old');
    const after = await sealed('new', undefined, both);
    expect(said(after)['alta-key']).toBe('k2');
    expect(await opened(after, undefined, both)).toBe('new');
  });

  test('while the codec is introduced it opens what is sealed and seals nothing', async () => {
    const first = codecWith({ plaintext: 'write' });
    expect(await first.encode([plain('a')])).toEqual([plain('a')]);
    expect(await opened(plain('a'), undefined, first)).toBe('a');
    expect(await opened(await sealed('b'), undefined, first)).toBe('b');
  });
});

describe('the settings', () => {
  const env = {
    ADMIN_DATABASE_URL: 'postgres://alta@127.0.0.1:5432/alta',
    ALTA_VAULT_KEYS: KEY,
    MP_ACCESS_TOKEN: 'token',
    MP_COLLECTOR_ID: '1',
    MP_LIVE_MODE: 'false',
    MP_WEBHOOK_SECRETS: 's1:secret',
  };

  test('P-617 P-115: without a key nothing starts in production, and the message names what is missing', () => {
    expect(() => loadConfig(env)).toThrow(/ALTA_CODEC_KEYS: is missing/);
    expect(() => loadConfig({ ...env, ALTA_CODEC_PLAINTEXT: 'write' })).toThrow(/ALTA_CODEC_KEYS/);
    expect(dataConverter(loadConfig({ ...env, NODE_ENV: 'development' })).payloadCodecs).toBeUndefined();
  });

  test.each([
    [{}, 'CODEC_PLAINTEXT'],
    [{ ALTA_CODEC_PLAINTEXT: 'accept' }, 'no error'],
    [{ NODE_ENV: 'development' }, 'no error'],
    [{ NODE_ENV: 'development', ALTA_CODEC_PLAINTEXT: 'refuse' }, 'CODEC_PLAINTEXT'],
  ])('P-115: %j: a payload in plain gives %s', async (settings, code) => {
    const [configured] = dataConverter(loadConfig({ ...env, ALTA_CODEC_KEYS: KEY, ...settings })).payloadCodecs!;
    expect(await codeOf(configured!.decode([plain('a')]))).toBe(code);
    expect(said((await configured!.encode([plain('a')]))[0]!)['encoding']).toBe(ENCRYPTED);
  });

  test('P-617: a key that is none is a configuration error that shows no key', () => {
    const keys = `k1:${randomBytes(16).toString('base64')}`;
    const build = (): unknown => dataConverter(loadConfig({ ...env, ALTA_CODEC_KEYS: keys }));
    expect(build).toThrow('ALTA_CODEC_KEYS: key k1 must be the base64 of 32 bytes');
    expect(build).not.toThrow(keys.slice(3));
  });
});
