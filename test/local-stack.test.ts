import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { createMailer } from '../adapters/mailer/index.ts';
import { writeEnvFile } from '../local/environment.ts';
import { loadKeys } from '../local/keys.ts';
import { isHolder, takeLock, type FileLock } from '../local/lock.ts';
import { cleanOrphans, recordProcess } from '../local/orphans.ts';
import { envFileOf, lockFileOf } from '../local/paths.ts';
import { freePorts, withFreePorts } from '../local/ports.ts';
import { removeOutside } from '../local/postgres-home.ts';
import { startPostgres } from '../local/postgres.ts';
import { identify } from '../local/process-identity.ts';
import { createSupervisor } from '../local/processes.ts';
import { startMailCatcher } from '../local/smtp.ts';
import { startStack } from '../local/stack.ts';
import { findTemporal } from '../local/temporal-binary.ts';
import { waitUntil } from '../local/wait.ts';

const PARENT = resolve(import.meta.dirname, 'support/stack-parent.ts');
const FOREVER = 'process.stdout.write(JSON.stringify({ ready: true }) + "\\n"); setInterval(() => {}, 1000);';

let dir: string;
const parents: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'alta-local-'));
});
afterEach(async () => {
  for (const parent of parents.splice(0)) parent.kill('SIGKILL');
  await cleanOrphans(dir);
  removeOutside(dir);
  rmSync(dir, { recursive: true, force: true });
});

function executable(path: string): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}

/** Starts the parent that a test kills, and returns what it said. */
async function startParent(what: 'child' | 'postgres'): Promise<{ parent: ChildProcess; pid: number; url: string }> {
  const parent = spawn(process.execPath, [PARENT, dir, what], { stdio: ['ignore', 'pipe', 'inherit'] });
  parents.push(parent);
  let text = '';
  parent.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const line = await waitUntil('the parent to be ready', () => (text.includes('\n') ? text.trim() : undefined), { everyMs: 20 });
  return { parent, ...(JSON.parse(line) as { pid: number; url: string }) };
}

/** Ends a process without giving it a chance to tidy up. */
async function killHard(process_: ChildProcess): Promise<void> {
  const gone = new Promise((done) => process_.once('exit', done));
  process_.kill('SIGKILL');
  await gone;
}

test('Temporal is looked for at TEMPORAL_ADDRESS, on PATH, in the cache, as a build by Go, and as a download, in this order', () => {
  const [bin, goBin, empty] = [join(dir, 'bin'), join(dir, 'go'), join(dir, 'empty')];
  const temporal = executable(join(bin, 'temporal'));
  const go = executable(join(goBin, 'go'));
  const cache = join(dir, 'cache');
  const cacheDir = join(cache, 'alta', 'temporal', 'v1.5.1');
  const path = `${goBin}:${bin}`;

  expect(findTemporal({ XDG_CACHE_HOME: cache, PATH: empty })).toEqual({ kind: 'download', cacheDir });
  expect(findTemporal({ XDG_CACHE_HOME: cache, PATH: goBin })).toEqual({ kind: 'build', go, cacheDir });
  const cached = executable(join(cacheDir, 'temporal'));
  expect(findTemporal({ XDG_CACHE_HOME: cache, PATH: goBin })).toEqual({ kind: 'cache', binary: cached });
  expect(findTemporal({ XDG_CACHE_HOME: cache, PATH: path })).toEqual({ kind: 'path', binary: temporal });
  expect(findTemporal({ XDG_CACHE_HOME: cache, PATH: path, TEMPORAL_ADDRESS: 'host:7233' })).toEqual({
    kind: 'address',
    address: 'host:7233',
  });
  chmodSync(temporal, 0o644);
  expect(findTemporal({ XDG_CACHE_HOME: cache, PATH: path }).kind).toBe('cache');
});

test('local keys are made once, stay the same, and only their owner can read them', () => {
  const first = loadKeys(dir, ['cluster-a']);
  chmodSync(join(dir, 'keys.json'), 0o644);
  const second = loadKeys(dir, ['cluster-a', 'cluster-b']);
  expect(second.vault).toBe(first.vault);
  expect(second.clusters['cluster-a']).toEqual(first.clusters['cluster-a']);
  expect(loadKeys(dir, ['cluster-a', 'cluster-b'])).toEqual(second);
  expect(statSync(join(dir, 'keys.json')).mode & 0o777).toBe(0o600);
  writeEnvFile(dir, { ALTA_VAULT_KEYS: second.vault });
  expect(statSync(envFileOf(dir)).mode & 0o777).toBe(0o600);
  writeFileSync(join(dir, 'keys.json'), '{');
  expect(() => loadKeys(dir, ['cluster-a'])).toThrow(/damaged/);
});

test('ports are free and different, and a start whose port was taken meanwhile is tried again with others', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  const listen = (port: number): Promise<Server> =>
    new Promise((done, reject) => {
      const server = createServer()
        .once('error', reject)
        .listen(port, '127.0.0.1', () => done(server));
    });
  const taken = await listen(0);
  const open = [taken];
  try {
    const seen: number[] = [];
    const start = ([port = 0]: number[]): Promise<Server> => {
      seen.push(port);
      return listen(seen.length === 1 ? (taken.address() as AddressInfo).port : port);
    };
    open.push(await withFreePorts(1, start));
    expect(seen).toHaveLength(2);
  } finally {
    for (const server of open) server.close();
  }
});

test('what a killed start left running is ended by the next one, and nothing else', async () => {
  const { parent, pid } = await startParent('child');
  const stranger = spawn(process.execPath, ['-e', FOREVER, dir], { detached: true, stdio: 'ignore' });
  parents.push(stranger);
  const strangerPid = stranger.pid ?? 0;
  // A record whose number now belongs to another process: same id, another start time.
  const record = recordProcess(dir, { name: 'stale', pid: strangerPid, marker: dir, stopSignal: 'SIGTERM' });
  writeFileSync(join(dir, 'run', `stale-${strangerPid}.json`), JSON.stringify({ ...record, started: 'long ago' }));

  await killHard(parent);
  expect(identify(pid)).toBeDefined();
  expect(await cleanOrphans(dir)).toEqual(['forever']);
  expect(identify(pid)).toBeUndefined();
  expect(identify(strangerPid)).toBeDefined();
  expect(await cleanOrphans(dir)).toEqual([]);
});

test('PostgreSQL starts again on its files after its parent and it were killed', async () => {
  const { parent, pid, url } = await startParent('postgres');
  const before = new pg.Client(url);
  before.on('error', () => undefined);
  await before.connect();
  await before.query('create table kept (n int); insert into kept values (42)');
  await killHard(parent);
  expect(identify(pid)).toBeDefined();

  expect(await cleanOrphans(dir)).toEqual(['postgres']);
  const supervisor = createSupervisor({ dataDir: dir });
  try {
    const server = await startPostgres({ supervisor, password: 'for-tests', durable: false });
    await server.child?.kill('SIGKILL');
    const again = await startPostgres({ supervisor, password: 'for-tests', durable: false });
    const after = new pg.Client(again.url('postgres'));
    await after.connect();
    expect((await after.query('select n from kept')).rows).toEqual([{ n: 42 }]);
    await after.end();
    await again.ensureServiceRole();
    await again.ensureServiceRole();
  } finally {
    await supervisor.stopAll();
  }
});

test('a second start on the same directory is refused and names the first; a dead one is taken over', async () => {
  const { parent } = await startParent('child');
  await expect(startStack({ dataDir: dir })).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(`process ${parent.pid}`) as string,
  });
  await killHard(parent);
  const lock = takeLock(lockFileOf(dir));
  expect(isHolder(lock)).toBe(false);
  expect(isHolder(takeLock(lockFileOf(dir)))).toBe(true);
  (lock as FileLock).release();
  expect(isHolder(takeLock(lockFileOf(dir)))).toBe(false);
});

test('a child that dies before it is ready, or cannot be started, is reported with its last lines', async () => {
  const supervisor = createSupervisor({ dataDir: dir });
  const start = (command: string, args: string[]): Promise<unknown> =>
    supervisor.start({ name: 'broken', command, args, marker: command, readyLine: () => true });
  await expect(start(process.execPath, ['-e', 'console.error("no such table"); process.exit(3)'])).rejects.toMatchObject({
    code: 'INTERNAL',
    message: expect.stringMatching(/broken ended with code 3 before it was ready[^]*no such table/) as string,
  });
  await expect(start(join(dir, 'nothing-here'), [])).rejects.toMatchObject({
    message: expect.stringMatching(/could not be started[^]*ENOENT/) as string,
  });
  await supervisor.stopAll();
});

test('children are asked to stop and killed when they do not; a death that nobody asked for is reported', async () => {
  const deaths: string[] = [];
  const supervisor = createSupervisor({ dataDir: dir, onDeath: ({ name }) => deaths.push(name) });
  const start = (name: string, code: string, stopTimeoutMs: number): ReturnType<typeof supervisor.start> =>
    supervisor.start({
      name,
      command: process.execPath,
      args: ['-e', code],
      marker: process.execPath,
      readyLine: (line) => line['ready'] === true,
      stopTimeoutMs,
    });
  const deaf = await start('deaf', `process.on('SIGTERM', () => {}); ${FOREVER}`, 200);
  const polite = await start('polite', `process.on('SIGTERM', () => process.exit(7)); ${FOREVER}`, 10_000);
  const doomed = await start('doomed', FOREVER, 10_000);
  process.kill(doomed.pid, 'SIGKILL');
  await waitUntil('the death to be noticed', () => deaths.length > 0, { everyMs: 10 });
  await supervisor.stopAll();
  expect(await deaf.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(await polite.exited).toEqual({ code: 7, signal: null });
  expect(deaths).toEqual(['doomed']);
  await expect(start('late', FOREVER, 1_000)).rejects.toMatchObject({ code: 'CANCELLED' });
});

test('mail is caught as it was sent, private to its owner, with its text decoded', async () => {
  const mail = await startMailCatcher(join(dir, 'mail'));
  const mailer = createMailer({ smtpUrl: mail.url, from: 'Alta <no-reply@example.com>' });
  const text = `Elegí tu contraseña aquí: https://example.com/auth/v1/verify?token=${'a'.repeat(80)}&type=recovery\n`;
  await mailer.send({ to: 'owner@example.com', subject: 'Tu tienda está lista', text, messageId: 'm-1' });
  const [message] = mail.messages();
  expect(message?.to).toEqual(['owner@example.com']);
  expect(message?.text.replaceAll('\r\n', '\n').trim()).toBe(text.trim());
  expect(statSync(message?.file ?? '').mode & 0o777).toBe(0o600);
  expect(readFileSync(message?.file ?? '', 'utf8')).toContain('m-1@');
  mailer.close();
  await mail.close();
});
