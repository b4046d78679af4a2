import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAlerts } from '../../adapters/alerts.ts';
import { withLogFields } from '../../adapters/log.ts';
import { createProcessLog } from '../../adapters/process-log.ts';
import { hideSettings, scrub } from '../../adapters/scrub.ts';
import { eventually } from '../support/eventually.ts';

let receiver: Server;
let url = '';
let status = 200;
const texts: string[] = [];

beforeEach(async () => {
  texts.length = 0;
  status = 200;
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      texts.push((JSON.parse(body) as { text: string }).text);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterEach(async () => {
  hideSettings({});
  await new Promise((resolve) => receiver.close(resolve).closeAllConnections());
});

const SETTINGS = { ALERT_WINDOW_MS: 60_000 };

describe('alerts', () => {
  test('P-610: each case is one message, however often and wherever it is raised', async () => {
    const { log, close } = createProcessLog('alta-test', { ...SETTINGS, ALERT_WEBHOOK_URL: url }, { write: () => undefined }, {});
    const cases = ['onboarding parked', 'mp sync failed', 'cluster unhealthy', 'dead letter', 'compensation failed', 'paid without store'];
    for (const alert of [...cases, ...cases]) log.warn({ alert, accountId: 'a-1', code: 'MP_UNAVAILABLE' }, 'it happened');
    log.warn({ alert: 'dead letter', accountId: 'a-2' }, 'another account is another message');
    log.warn('no alert, no message');
    await close();
    expect(texts.map((text) => /\*(.+?)\*/.exec(text)?.[1]).sort()).toEqual([...cases, 'dead letter'].sort());
    expect(texts[0]).toContain('code: MP_UNAVAILABLE');
  });

  test('P-610: what was held back in a window is told with the next message', async () => {
    let clock = 0;
    const alerts = createAlerts({ url, windowMs: 1_000, now: () => clock });
    for (let time = 0; time < 4; time += 1) alerts.take({ alert: 'dead letter', accountId: 'a-1' });
    clock = 1_000;
    alerts.take({ alert: 'dead letter', accountId: 'a-1' });
    await alerts.idle();
    expect(texts).toHaveLength(2);
    expect(texts[1]).toContain('3 more since the last message');
  });

  test('P-610: a receiver that refuses, or is away, neither blocks nor fails the work', async () => {
    status = 500;
    const reasons: string[] = [];
    const options = { windowMs: 1, timeoutMs: 2_000, onFailed: (reason: string) => void reasons.push(reason) };
    const refused = createAlerts({ ...options, url });
    refused.take({ alert: 'dead letter' });
    const away = createAlerts({ ...options, url: 'http://127.0.0.1:9/' });
    away.take({ alert: 'dead letter' });
    await Promise.all([refused.idle(), away.idle()]);
    await eventually(() => reasons.length === 2);
    expect(reasons).toContain('HTTP 500');
  });
});

describe('log lines', () => {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1)!) as Record<string, unknown>;

  test('P-614: account, job, workflow, cluster, step and attempt are in every line of what runs within, also across awaits', async () => {
    const { log } = createProcessLog('alta-test', SETTINGS, destination, {});
    const fields = { accountId: 'a', jobId: 'j', workflowId: 'w', clusterId: 'c', step: 'notify', attempt: 2 };
    await withLogFields(fields, async () => {
      await Promise.resolve();
      log.info('deep within');
      expect(last()).toMatchObject({ ...fields, name: 'alta-test', msg: 'deep within' });
      log.info({ attempt: 3 }, 'a line knows best');
      expect(last()['attempt']).toBe(3);
    });
    log.info('outside');
    expect(last()).not.toHaveProperty('accountId');
  });

  test('P-614 law 9: no line and no scrubbed text quotes the value of a secret setting, in whatever form', () => {
    const secrets = { token: 'plain/shape-less+token', vault: 'q83vEjRWeJCrze8SNFZ4kA==', webhook: 'aa"bb\\cc-dd', database: 'p@ss/word?' };
    const env = {
      MP_ACCESS_TOKEN: secrets.token,
      ALTA_VAULT_KEYS: `k1:${secrets.vault}`,
      MP_WEBHOOK_SECRETS: `s1:${secrets.webhook},s2:another-secret`,
      ADMIN_DATABASE_URL: `postgres://alta:${encodeURIComponent(secrets.database)}@db.example.com/alta`,
      MAIL_FROM: 'harmless@example.com',
    };
    const { log } = createProcessLog('alta-test', SETTINGS, destination, env);
    const quoted = [...Object.values(secrets), encodeURIComponent(secrets.token), 'another-secret'];
    for (const secret of quoted) {
      log.error({ err: new Error(`refused: ${secret}`), note: secret, deep: { down: [secret] } }, `of ${secret}`);
      for (const text of [lines.at(-1)!, scrub(`x ${secret} y`)]) {
        expect(text).toContain('[redacted]');
        expect(text).not.toContain(secret);
        expect(text).not.toContain(JSON.stringify(secret).slice(1, -1));
      }
      last();
    }
    log.info({ note: 'harmless@example.com' });
    expect(last()['note']).toBe('harmless@example.com');
  });
});
