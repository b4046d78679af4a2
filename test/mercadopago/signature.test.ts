import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WebhookSignatureValidator } from 'mercadopago';
import { type SignatureRequest, verifySignature } from '../../adapters/mercadopago/signature.ts';

const DAY = 24 * 3_600_000;
const NOW = new Date('2026-11-22T12:00:00Z');
const SECONDS = String(NOW.getTime() / 1_000);
const SECRET = 'current-secret';
const REQUEST_ID = 'bb56a2f1-6aae-46ac-982e-9dcd3581d08e';

interface Signed {
  dataId?: string;
  requestId?: string | undefined;
  ts?: string;
  secret?: string;
}

/** Signs as the documentation says, independently of the code under test. */
function sign({ dataId = '123456', requestId = REQUEST_ID, ts = SECONDS, secret = SECRET }: Signed = {}): string {
  const manifest = `id:${dataId};${requestId === '' ? '' : `request-id:${requestId};`}ts:${ts};`;
  return `ts=${ts},v1=${createHmac('sha256', secret).update(manifest).digest('hex')}`;
}

/** A manifest without its id pair: less is signed than decision 3 asks for. */
const unsignedId = (): string =>
  `ts=${SECONDS},v1=${createHmac('sha256', SECRET).update(`request-id:${REQUEST_ID};ts:${SECONDS};`).digest('hex')}`;

const request = (over: Partial<SignatureRequest> = {}): SignatureRequest => ({
  xSignature: sign(),
  xRequestId: REQUEST_ID,
  dataId: '123456',
  secrets: [{ id: 'now', secret: SECRET }],
  now: NOW,
  maxAgeMs: 10 * DAY,
  maxFutureMs: 10 * 60_000,
  ...over,
});

/** The second opinion: Mercado Pago's own validator, without its optional window, on both casings and all secrets. */
function official({ xSignature, xRequestId, dataId, secrets }: SignatureRequest): boolean {
  const ids = typeof dataId === 'string' ? [dataId, dataId.toLowerCase()] : [dataId];
  return secrets.some(({ secret }) =>
    ids.some((id) => {
      try {
        WebhookSignatureValidator.validate({
          xSignature: xSignature as string,
          xRequestId: xRequestId as string,
          dataId: id as string,
          secret,
        });
        return true;
      } catch {
        return false;
      }
    }),
  );
}

describe('P-104: a genuine webhook passes, here and in the official validator', () => {
  const genuine: [string, Partial<SignatureRequest>, object][] = [
    ['signed in seconds', {}, { secretId: 'now', variant: 'verbatim', skewMs: 0 }],
    ['signed in milliseconds', { xSignature: sign({ ts: String(NOW.getTime() - 5_000) }) }, { skewMs: 5_000 }],
    ['spaces, other case of keys and unknown parts', { xSignature: ` TS=${SECONDS} , v2=zz , ${sign().split(',')[1] ?? ''} ` }, {}],
    ['upper-case id signed verbatim', { dataId: 'ABC-9', xSignature: sign({ dataId: 'ABC-9' }) }, { variant: 'verbatim' }],
    ['upper-case id signed lower-cased', { dataId: 'ABC-9', xSignature: sign({ dataId: 'abc-9' }) }, { variant: 'lowercase' }],
    ['no x-request-id: its pair is dropped', { xRequestId: undefined, xSignature: sign({ requestId: '' }) }, {}],
    ['blank x-request-id counts as absent', { xRequestId: '  ', xSignature: sign({ requestId: '' }) }, {}],
    ['a header array of one', { xSignature: [sign()], xRequestId: [REQUEST_ID], dataId: ['123456'] }, {}],
    ['a repeat 9 days later with its first ts', { xSignature: sign({ ts: String(NOW.getTime() - 9 * DAY) }) }, { skewMs: 9 * DAY }],
    ['a clock 9 minutes ahead', { xSignature: sign({ ts: String(NOW.getTime() + 540_000) }) }, { skewMs: -540_000 }],
  ];
  test.each(genuine)('%s', (_name, over, want) => {
    expect(verifySignature(request(over))).toMatchObject({ ok: true, ...want });
    expect(official(request(over))).toBe(true);
  });

  test('during a rotation both secrets pass and the one that fitted is named; afterwards the old one does not', () => {
    const old = sign({ secret: 'old-secret' });
    const both = [
      { id: 'new', secret: SECRET },
      { id: 'old', secret: 'old-secret' },
    ];
    expect(verifySignature(request({ secrets: both }))).toMatchObject({ ok: true, secretId: 'new' });
    expect(verifySignature(request({ secrets: both, xSignature: old }))).toMatchObject({ ok: true, secretId: 'old' });
    expect(verifySignature(request({ xSignature: old }))).toEqual({ ok: false, reason: 'mismatch' });
  });
});

describe('P-104: a hostile webhook is refused with its reason', () => {
  const hash = sign().split('v1=')[1] ?? '';
  const hostile: [string, Partial<SignatureRequest>, string][] = [
    ['no header', { xSignature: undefined }, 'signature-missing'],
    ['a blank header', { xSignature: ' ' }, 'signature-missing'],
    ['no parts at all', { xSignature: 'hello' }, 'timestamp-malformed'],
    ['forged', { xSignature: `ts=${SECONDS},v1=${'0'.repeat(64)}` }, 'mismatch'],
    ['wrong secret', { xSignature: sign({ secret: 'guess' }) }, 'mismatch'],
    ['another payment than the signed one', { dataId: '654321' }, 'mismatch'],
    ['another request id', { xRequestId: 'other' }, 'mismatch'],
    ['another ts than the signed one', { xSignature: `ts=${Number(SECONDS) - 1},v1=${hash}` }, 'mismatch'],
    ['empty v1', { xSignature: `ts=${SECONDS},v1=` }, 'hash-malformed'],
    ['no v1', { xSignature: `ts=${SECONDS}` }, 'hash-malformed'],
    ['only a v2', { xSignature: `ts=${SECONDS},v2=${hash}` }, 'hash-malformed'],
    ['shorter v1', { xSignature: `ts=${SECONDS},v1=${hash.slice(1)}` }, 'hash-malformed'],
    ['only the beginning of v1', { xSignature: `ts=${SECONDS},v1=${hash.slice(0, 32)}` }, 'hash-malformed'],
    ['only the first byte of v1', { xSignature: `ts=${SECONDS},v1=${hash.slice(0, 2)}` }, 'hash-malformed'],
    ['longer v1', { xSignature: `ts=${SECONDS},v1=${hash}0` }, 'hash-malformed'],
    ['upper-case v1', { xSignature: `ts=${SECONDS},v1=${hash.toUpperCase()}` }, 'hash-malformed'],
    ['v1 that is no hex', { xSignature: `ts=${SECONDS},v1=${'z'.repeat(64)}` }, 'hash-malformed'],
    ['several headers', { xSignature: [sign(), sign()] }, 'signature-malformed'],
    ['two signatures in one header', { xSignature: `${sign({ secret: 'guess' })},${sign()}` }, 'signature-malformed'],
    ['ts that is no number', { xSignature: sign({ ts: 'NaN' }) }, 'timestamp-malformed'],
    ['negative ts', { xSignature: sign({ ts: '-1' }) }, 'timestamp-malformed'],
    ['decimal ts', { xSignature: sign({ ts: '1.5' }) }, 'timestamp-malformed'],
    ['endless ts', { xSignature: sign({ ts: '9'.repeat(400) }) }, 'timestamp-malformed'],
    ['ts 11 days ago in seconds', { xSignature: sign({ ts: String(Number(SECONDS) - 11 * 86_400) }) }, 'too-old'],
    ['ts 11 days ago in milliseconds', { xSignature: sign({ ts: String(NOW.getTime() - 11 * DAY) }) }, 'too-old'],
    ['ts 1 ms beyond the window', { xSignature: sign({ ts: String(NOW.getTime() - 10 * DAY - 1) }) }, 'too-old'],
    ['ts 11 minutes ahead', { xSignature: sign({ ts: String(NOW.getTime() + 660_000) }) }, 'in-future'],
    ['no data.id', { dataId: undefined, xSignature: sign() }, 'data-id-missing'],
    ['no data.id, and signed without it', { dataId: undefined, xSignature: unsignedId() }, 'data-id-missing'],
    ['blank data.id', { dataId: '' }, 'data-id-missing'],
    ['repeated data.id', { dataId: ['123456', '1'] }, 'data-id-malformed'],
    ['data.id with a path', { dataId: '../1', xSignature: sign({ dataId: '../1' }) }, 'data-id-malformed'],
    ['repeated x-request-id', { xRequestId: [REQUEST_ID, REQUEST_ID] }, 'request-id-malformed'],
    ['no secret at all', { secrets: [] }, 'no-secret'],
    ['an empty secret', { secrets: [{ id: 'empty', secret: '' }], xSignature: sign({ secret: '' }) }, 'no-secret'],
  ];
  /** Where we are stricter on purpose: it has no window of its own, reads the first or last of several, and signs less when told less. */
  const stricter = new Set<string>([
    'several headers',
    'two signatures in one header',
    'endless ts',
    'ts 11 days ago in seconds',
    'ts 11 days ago in milliseconds',
    'ts 1 ms beyond the window',
    'ts 11 minutes ahead',
    'no data.id, and signed without it',
    'repeated data.id',
    'data.id with a path',
    'repeated x-request-id',
    'an empty secret',
  ]);
  test.each(hostile)('%s', (name, over, reason) => {
    expect(verifySignature(request(over))).toEqual({ ok: false, reason });
    expect(official(request(over))).toBe(stricter.has(name));
  });

  test('a captured signature cannot be spent with its parts pushed into data.id', () => {
    const stolen = request({ dataId: `123456;request-id:${REQUEST_ID}`, xRequestId: undefined });
    expect(official(stolen)).toBe(true);
    expect(verifySignature(stolen)).toEqual({ ok: false, reason: 'data-id-malformed' });
    const other = request({ dataId: '1', xRequestId: `a;ts:5`, xSignature: sign({ dataId: '1', requestId: 'a;ts:5' }) });
    expect(verifySignature(other)).toEqual({ ok: false, reason: 'request-id-malformed' });
  });
});

describe('P-104: properties of the signature check', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9-]{1,40}$/);
  const requestId = fc.oneof(fc.constant(''), fc.uuid());
  const secret = fc.string({ minLength: 1, maxLength: 40 });
  const ts = fc.oneof(
    fc.integer({ min: -9, max: 0 }).map((days) => String(Number(SECONDS) + days * 86_400)),
    fc.integer({ min: -9, max: 0 }).map((days) => String(NOW.getTime() + days * DAY)),
  );

  test('whatever is signed passes in both validators', () => {
    fc.assert(
      fc.property(id, requestId, secret, ts, fc.boolean(), (dataId, rid, key, time, lower) => {
        const xSignature = sign({ dataId: lower ? dataId.toLowerCase() : dataId, requestId: rid, secret: key, ts: time });
        const full = request({ dataId, xRequestId: rid === '' ? undefined : rid, xSignature, secrets: [{ id: 'k', secret: key }] });
        expect(verifySignature(full).ok).toBe(true);
        expect(official(full)).toBe(true);
      }),
    );
  });

  test('one changed character anywhere in what is signed is refused', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('dataId', 'xRequestId', 'xSignature'),
        fc.nat(),
        fc.integer({ min: 0, max: 15 }).map((digit) => digit.toString(16)),
        (part, at, digit) => {
          const genuine = request();
          const text = genuine[part] as string;
          const from = part === 'xSignature' ? text.indexOf('v1=') + 3 : 0;
          const index = from + (at % (text.length - from));
          fc.pre(text[index] !== digit);
          const changed = text.slice(0, index) + digit + text.slice(index + 1);
          expect(verifySignature({ ...genuine, [part]: changed }).ok).toBe(false);
        },
      ),
    );
  });

  test('nothing ever throws, and nothing passes that the official validator refuses', () => {
    const junk = fc.oneof(
      fc.constant(undefined),
      fc.string(),
      fc.array(fc.string(), { maxLength: 3 }),
      fc.constant(sign()),
      fc.constant(REQUEST_ID),
      fc.constant('123456'),
    );
    fc.assert(
      fc.property(junk, junk, junk, (xSignature, xRequestId, dataId) => {
        const full = request({ xSignature, xRequestId, dataId });
        if (verifySignature(full).ok) expect(official(full)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

test('P-104: what is secret is compared in constant time, and in no other way', () => {
  const source = readFileSync(fileURLToPath(new URL('../../adapters/mercadopago/signature.ts', import.meta.url)), 'utf8');
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  // What was sent and what was expected meet in one place only.
  expect(code.match(/\bexpected\b[^;\n]*/g)).toEqual([
    expect.stringMatching(/^expected = createHmac\(/),
    expect.stringMatching(/^expected, given\)\)/),
  ]);
  expect(code).toContain('if (timingSafeEqual(expected, given))');
  expect(code.match(/\b(hash|given)\b(\.\w+\([^)]*\))? *[=!]==? |[=!]== *(hash|given)\b|localeCompare|\.equals\(/g)).toBeNull();
});
