import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string };
}
interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: Record<'h' | 'w' | 'x' | 'y', number>;
  targets?: { expr: string; datasource: { uid: string } }[];
}

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
const RULES = (parse(read('deploy/prometheus/alerts.yml')) as { groups: { name: string; rules: Rule[] }[] }).groups;
const DASHBOARD = JSON.parse(read('deploy/grafana/alta.json')) as { title: string; uid: string; schemaVersion: number; panels: Panel[] };

let world: World;
const children: AltaProcess[] = [];
const urls: Record<string, string> = {};
let apiUrl = '';

beforeAll(async () => {
  world = await startWorld({ run: { worker: false, relay: false } });
  const start = async (kind: 'worker' | 'relay' | 'api'): Promise<void> => {
    const child = startAlta(kind, { ...world.env, METRICS_PORT: '0' });
    children.push(child);
    const ready = await child.ready;
    urls[kind] = String(ready['metrics']);
    if (kind === 'api') apiUrl = String(ready['url']);
  };
  await Promise.all([start('worker'), start('relay'), start('api')]);
}, 300_000);
afterAll(async () => {
  await Promise.all(children.map((child) => child.stop()));
  await world.close();
});

const scrape = async (kind: string): Promise<string> => (await fetch(urls[kind]!)).text();
/** One sample's value; NaN where there is none. */
async function value(kind: string, series: string): Promise<number> {
  const line = (await scrape(kind)).split('\n').find((text) => text.startsWith(`${series} `));
  return line === undefined ? Number.NaN : Number(line.slice(series.length + 1));
}
const becomes = (kind: string, series: string, wanted: number): Promise<unknown> =>
  eventually(
    async () => {
      const found = await value(kind, series);
      if (found !== wanted) throw new Error(`${series} is ${found}`);
      return true;
    },
    `${series} = ${wanted}`,
    20_000,
  );
const all = async (): Promise<string> => (await Promise.all(Object.keys(urls).map(scrape))).join('\n');
const declared = (text: string): Set<string> => new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!));
const named = (text: string): string[] => [...new Set(text.match(/\b(?:alta|temporal|process|nodejs)_[a-z0-9_]+/g) ?? [])];
const base = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, '');
const unknown = (text: string, scraped: string): string[] =>
  named(text).filter((name) => !declared(scraped).has(name) && !declared(scraped).has(base(name)));

describe('a real order in three real processes', () => {
  test('P-611: what happened is counted where it happened; the Admin DB is told by the relay alone', async () => {
    const order = await world.checkout();
    const payment = await world.pay(order);
    await world.job(order.accountId, 'completed');
    await becomes('worker', 'alta_onboardings_total{state="completed"}', 1);
    await becomes('worker', 'alta_step_seconds_count{step="activate",act="do",outcome="done"}', 1);
    await becomes('relay', 'alta_jobs_ended_2h{state="completed"}', 1);
    await becomes('relay', 'alta_relay_deliveries_total{target="onboarding",outcome="delivered"}', 1);
    await becomes('relay', 'alta_paid_without_store', 0);
    await becomes('relay', 'alta_state_up', 1);
    expect(await scrape('worker')).not.toContain('alta_jobs');

    const url = `${apiUrl}/webhooks/mercadopago`;
    const deliver = { paymentId: payment.paymentId, url, retry: false };
    await world.simulator.control.deliver(deliver);
    await becomes('api', 'alta_webhook_acks_total{status="200",reason="accepted"}', 1);
    const forged = await fetch(`${url}?data.id=77&type=payment`, { method: 'POST', headers: { 'x-signature': 'ts=1,v1=ff' }, body: '{}' });
    expect(forged.status).toBe(401);
    const refused = await eventually(async () => /alta_webhook_acks_total\{status="401",reason="(.+)"\} 1/.exec(await scrape('api')));
    expect(refused[1]).toMatch(/^SIGNATURE_INVALID:/);
    await fetch(`${apiUrl}/wp-admin/${randomUUID()}`);
    await becomes('api', 'alta_http_request_seconds_count{method="GET",route="none",status="404"}', 1);
  });

  test('P-601 P-602 P-603 P-606 P-610: a failed onboarding, a failed credential write, dead letters and paid without store show', async () => {
    const order = await world.checkout();
    // A token that was sealed for another place does not open.
    await world.sql('update nv_accounts set mp_access_token_encrypted = mp_refresh_token_encrypted where id = $1', [order.accountId]);
    await world.pay(order);
    await world.job(order.accountId, 'parked');
    await world.resolve(order.accountId, { action: 'compensate', actor: 'ana', reason: 'the token is lost' });
    await world.job(order.accountId, 'compensated');
    await becomes('worker', 'alta_mp_sync_failed_total', 1);
    await becomes('worker', 'alta_onboardings_total{state="compensated"}', 1);
    await becomes('worker', 'alta_step_failures_total{step="sync-mp-credentials",act="do",code="VAULT_TAMPERED"}', 1);
    await becomes('worker', 'alta_step_seconds_count{step="upsert-client",act="undo",outcome="done"}', 1);
    await becomes('relay', 'alta_jobs_ended_2h{state="compensated"}', 1);
    await becomes('relay', 'alta_paid_without_store', 1);
    // Rows that no account's workflow can be told: the relay buries them at the first try.
    await world.sql(
      `insert into outbox (target, event_key, event_type, payload) select 'account', 'dead/' || n, 'x', '{}' from generate_series(1, 6) n`,
    );
    await becomes('relay', 'alta_relay_deliveries_total{target="account",outcome="fail"}', 6);
    expect(await world.sql(`select 1 from outbox where status = 'failed'`)).toHaveLength(6);
    await becomes('relay', 'alta_outbox_failed_6h', 6);
    await becomes('relay', 'alta_outbox_rows{target="account",state="failed"}', 6);
  });

  test('P-611: every metric of the dashboard and of the rules is in a scrape, and every one of ours is documented', async () => {
    const expressions = [
      ...DASHBOARD.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
      ...RULES.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ].join('\n');
    // The engine tells of an end when its answer has come back.
    const scraped = await eventually(async () => {
      const text = await all();
      const missing = unknown(expressions, text);
      if (missing.length > 0) throw new Error(`not exposed: ${missing.join(', ')}`);
      return text;
    }, 'every metric that is asked for');
    const ours = [...declared(scraped)].filter((name) => name.startsWith('alta_')).sort();
    const documented = named(read('docs/metrics.md')).filter((name) => name.startsWith('alta_'));
    expect(documented.sort()).toEqual(ours);
    // The look itself finds what is not there.
    expect(unknown('rate(alta_nothing_total[5m])', scraped)).toEqual(['alta_nothing_total']);
  });

  test('law 2: no label of ours holds an account, a payment, a slug or an address', async () => {
    const labels = (await all()).split('\n').filter((line) => line.startsWith('alta_'));
    expect(labels.length).toBeGreaterThan(100);
    expect(labels.filter((line) => /[0-9a-f]{8}-[0-9a-f]{4}|@|tienda/.test(line))).toEqual([]);
  });

  test('P-615: metrics are on a local port of their own and nowhere else', async () => {
    for (const url of Object.values(urls)) expect(new URL(url).hostname).toBe('127.0.0.1');
    expect((await fetch(`${apiUrl}/metrics`)).status).toBe(404);
    expect((await fetch(urls['api']!.replace('/metrics', '/webhooks/mercadopago'), { method: 'POST' })).status).toBe(404);
    const silent = startAlta('api', world.env);
    expect(await silent.ready).not.toHaveProperty('metrics');
    await silent.stop();
  });
});

test('P-601 P-602 P-603 P-606 P-610: the rules name each limit, and each says what is wrong', () => {
  const rules = RULES.flatMap((group) => group.rules);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, expr, labels, annotations } of rules) {
    expect(`${alert}: ${labels.severity}`).toMatch(/^Alta\w+: (?:page|warn)$/);
    expect(expr).toMatch(/[<>]/);
    expect(annotations.summary.length).toBeGreaterThan(20);
    // Gauges of the Admin DB come once from every relay.
    expect(expr).not.toMatch(/sum\((?:by \([^)]*\) \()?alta_(?:jobs|outbox|paid|refunds|compensation|mp_sync_failing)/);
  }
  for (const number of ['P-601', 'P-602', 'P-603', 'P-606', 'P-610'])
    expect(rules.some(({ annotations }) => annotations.summary.includes(number))).toBe(true);
});

test('the dashboard is one that Grafana can import', () => {
  const { title, uid, schemaVersion, panels } = DASHBOARD;
  expect({ title, uid }).toEqual({ title: 'Alta', uid: 'alta-overview' });
  expect(schemaVersion).toBeGreaterThan(30);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { type, gridPos, targets = [] } of panels) {
    expect(['row', 'stat', 'timeseries']).toContain(type);
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    expect(targets.length > 0).toBe(type !== 'row');
    for (const { datasource } of targets) expect(datasource.uid).toBe('${datasource}');
  }
});
