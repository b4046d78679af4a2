import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type NotificationRequest, parseNotification } from '../../adapters/mercadopago/notification.ts';

const request = (over: Partial<NotificationRequest> = {}): NotificationRequest => ({
  query: { 'data.id': '99123', type: 'payment' },
  headers: { 'x-request-id': 'rid-1', 'x-retry': '0', 'x-signature': 'ts=1,v1=a' },
  body: {
    action: 'payment.created',
    api_version: 'v1',
    data: { id: '99123' },
    id: 100000000001,
    live_mode: true,
    type: 'payment',
    user_id: 724484980,
  },
  ...over,
});

test('P-105 P-170: a payment notification yields the id to read and a key per delivery', () => {
  expect(parseNotification(request())).toEqual({
    kind: 'payment',
    dataId: '99123',
    topic: 'payment',
    action: 'payment.created',
    deliveryKey: 'n:100000000001',
    userId: '724484980',
    attempt: 0,
  });
});

describe('P-170: the delivery key', () => {
  const key = (over: Partial<NotificationRequest>): string => parseNotification(request(over)).deliveryKey;
  const query = { 'data.id': '99123', type: 'payment' };

  test('is the notification id, whatever its type', () => {
    expect(key({ body: { id: '77', data: { id: 99123 } } })).toBe('n:77');
    expect(key({ body: { id: 77, data: { id: '99123' } } })).toBe('n:77');
    expect(key({ body: { id: '2f1c8a9e-0000-4000-8000-000000000001' } })).toBe('n:2f1c8a9e-0000-4000-8000-000000000001');
    expect(key({ body: '{"id":12345678901234567891,"data":{"id":"99123"}}' })).toBe('n:12345678901234567891');
    expect(key({ body: Buffer.from('{"id":78}') })).toBe('n:78');
  });

  test('is the request id where the body has none, repeats the payment id or lost digits of its own', () => {
    expect(key({ body: { data: { id: '99123' } } })).toBe('r:rid-1');
    expect(key({ body: { id: '99123', data: { id: '99123' } } })).toBe('r:rid-1');
    expect(key({ body: { id: 99123, data: { id: 99123 } } })).toBe('r:rid-1');
    expect(key({ body: undefined })).toBe('r:rid-1');
    expect(key({ body: { id: 2 ** 60 } })).toBe('r:rid-1');
  });

  test('is a digest of query and signature where neither is there; its order does not count', () => {
    const headers = { 'x-signature': 'ts=1,v1=a' };
    const digest = key({ body: {}, headers });
    expect(digest).toMatch(/^q:[0-9a-f]{64}$/);
    expect(key({ body: {}, headers, query: { type: query.type, 'data.id': query['data.id'] } })).toBe(digest);
    expect(key({ body: {}, headers: { 'x-signature': 'ts=2,v1=a' } })).not.toBe(digest);
  });

  test('approved and later refunded notifications of one payment differ', () => {
    const later = { action: 'payment.updated', data: { id: '99123' }, id: 100000000002, type: 'payment' };
    expect(key({ body: later })).not.toBe(key({}));
  });
});

describe('P-105: what is not a payment notification', () => {
  const rows: [string, Partial<NotificationRequest>, object][] = [
    [
      'legacy call',
      { query: { topic: 'payment', id: '99123' }, body: { resource: '/v1/payments/99123', topic: 'payment' } },
      { kind: 'ignored', reason: 'legacy', topic: 'payment' },
    ],
    ['legacy merchant order', { query: { topic: 'merchant_order', id: '5' }, body: undefined }, { kind: 'ignored', reason: 'legacy' }],
    [
      'mp-connect',
      { query: { 'data.id': '5', type: 'mp-connect' }, body: { action: 'application.deauthorized', data: { id: '5' }, user_id: '9' } },
      { kind: 'deauthorized', topic: 'mp-connect', action: 'application.deauthorized', userId: '9' },
    ],
    [
      'mp-connect of a new consent',
      { query: { 'data.id': '5', type: 'mp-connect' }, body: { action: 'application.authorized', data: { id: '5' }, user_id: '9' } },
      { kind: 'ignored', reason: 'topic', topic: 'mp-connect', action: 'application.authorized', userId: '9' },
    ],
    [
      'mp-connect that names no seller',
      { query: { 'data.id': '5', type: 'mp-connect' }, body: { action: 'application.deauthorized', data: { id: '5' } } },
      { kind: 'ignored', reason: 'topic', userId: null },
    ],
    [
      'unknown topic',
      { query: { 'data.id': 'AbC', type: 'order' }, body: { data: { id: 'abc' } } },
      { kind: 'ignored', reason: 'topic', dataId: 'AbC' },
    ],
    ['no topic at all', { query: { 'data.id': '5' }, body: {} }, { kind: 'ignored', reason: 'topic', topic: null }],
    ['data.id only in the body', { query: { type: 'payment' } }, { kind: 'invalid', reason: 'data-id-missing' }],
    ['nothing at all', { query: {}, headers: {}, body: undefined }, { kind: 'invalid', reason: 'data-id-missing' }],
    ['repeated data.id', { query: { 'data.id': ['1', '2'], type: 'payment' } }, { kind: 'invalid', reason: 'data-id-missing' }],
    ['body of another payment', { body: { data: { id: '99124' }, id: 1 } }, { kind: 'invalid', reason: 'data-id-mismatch' }],
    ['body id that is no id', { body: { data: { id: { $ne: 1 } }, id: 1 } }, { kind: 'invalid', reason: 'data-id-mismatch' }],
    [
      'payment id that is no number',
      { query: { 'data.id': 'abc', type: 'payment' }, body: {} },
      { kind: 'invalid', reason: 'data-id-malformed' },
    ],
    ['path in data.id', { query: { 'data.id': '1/../2', type: 'payment' }, body: {} }, { kind: 'invalid', reason: 'data-id-malformed' }],
    ['body that is no JSON', { body: '<html>' }, { kind: 'invalid', reason: 'body-malformed' }],
    ['body that is a list', { body: [] }, { kind: 'invalid', reason: 'body-malformed' }],
  ];
  test.each(rows)('%s', (_name, over, want) => {
    expect(parseNotification(request(over))).toMatchObject(want);
  });

  test('the type may stand in the body only, and the body may be missing', () => {
    expect(parseNotification(request({ query: { 'data.id': '99123' } })).kind).toBe('payment');
    expect(parseNotification(request({ body: undefined })).kind).toBe('payment');
  });
});

test('P-105: nothing in query, headers or body makes it throw or yield a payment id that is not digits', () => {
  const values = fc.dictionary(
    fc.constantFrom('data.id', 'type', 'topic', 'id', 'x-request-id', 'x-retry'),
    fc.oneof(fc.string(), fc.constant('payment'), fc.array(fc.string())),
  );
  fc.assert(
    fc.property(
      values,
      values,
      fc.oneof(fc.jsonValue(), fc.string(), fc.record({ id: fc.jsonValue(), data: fc.jsonValue(), type: fc.constant('payment') })),
      (query, headers, body) => {
        const notification = parseNotification({ query, headers, body });
        expect(notification.deliveryKey.length).toBeLessThan(210);
        if (notification.kind === 'payment') expect(notification.dataId).toMatch(/^\d{1,20}$/);
      },
    ),
    { numRuns: 500 },
  );
});
