import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PROJECT_ROOT } from '../../local/paths.ts';
import { checkAdvisories, SNAPSHOT_FILE } from '../../local/verify/advisories.ts';
import { checkChangelog } from '../../local/verify/changelog.ts';
import type { Lockfile, Manifest } from '../../local/verify/check.ts';
import { checkLicences } from '../../local/verify/licences.ts';
import { checkLockfile } from '../../local/verify/lockfile.ts';
import { checkSecrets } from '../../local/verify/secrets.ts';

const read = (file: string): unknown => JSON.parse(readFileSync(join(PROJECT_ROOT, file), 'utf8'));
const lock = read('package-lock.json') as Lockfile;
const manifest = read('package.json') as Manifest;

/** A folder of these files, gone after the act. */
async function inFolder<T>(files: Record<string, string>, act: (dir: string) => T | Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'alta-verify-'));
  try {
    write(dir, files);
    return await act(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
function write(dir: string, files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
}

test('every package has an exact version, a digest and no unnamed install script', () => {
  expect(checkLockfile(manifest, lock).faults).toEqual([]);
  const changed = structuredClone(lock);
  changed.packages['node_modules/pino'] = { version: '10.4.0', resolved: 'git+ssh://example.com/pino.git' };
  changed.packages['node_modules/zod']!.hasInstallScript = true;
  const { faults } = checkLockfile({ ...manifest, dependencies: { ...manifest.dependencies, fastify: '^5.0.0' } }, changed);
  expect(faults.join('\n')).toMatch(/fastify is "\^5\.0\.0"/);
  expect(faults.join('\n')).toMatch(/pino: no sha512 digest/);
  expect(faults.join('\n')).toMatch(/pino: comes from "git/);
  expect(faults.join('\n')).toMatch(/zod: has an install script/);
});

test('every licence is allowed or a reasoned exception; an unknown one, and an exception that nobody needs, are faults', () => {
  expect(checkLicences(lock).faults).toEqual([]);
  const changed = structuredClone(lock);
  changed.packages['node_modules/pino']!.license = 'AGPL-3.0-only';
  expect(checkLicences(changed).faults).toEqual([expect.stringContaining('pino@10.4.0: licence AGPL-3.0-only')]);
  expect(checkLicences(lock, {}).faults.length).toBeGreaterThan(5);
  delete changed.packages['node_modules/unionfs'];
  expect(checkLicences(changed).faults).toContain('unionfs: the exception is not needed');
});

test('advisories come from the snapshot, whose date is told; one without a waiver is a fault', async () => {
  expect(checkAdvisories(PROJECT_ROOT).summary).toMatch(/NEVER CHECKED|as of \d{4}-\d\d-\d\d/);
  const url = 'https://example.com/advisories/1';
  const found = { package: 'pino', severity: 'high', title: 'sample', url, range: '<99' };
  const snapshot = (waivers: object[]): Record<string, string> => ({
    'package-lock.json': '{}',
    [SNAPSHOT_FILE]: JSON.stringify({ checkedAt: '2026-01-02T00:00:00.000Z', lockfile: 'other', advisories: [found], waivers }),
  });
  await inFolder(snapshot([]), (dir) => {
    const { summary, faults } = checkAdvisories(dir);
    expect(summary).toContain('as of 2026-01-02, before the packages last changed');
    expect(faults).toEqual([`pino: high, sample (${url})`]);
  });
  await inFolder(snapshot([{ url, reason: 'only in a path that is never run' }]), (dir) => expect(checkAdvisories(dir).faults).toEqual([]));
});

test('the SBOM lists every package that runs in production, with its digest', () => {
  const output = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const { bomFormat, components } = JSON.parse(output) as { bomFormat: string; components: { purl: string; hashes?: unknown[] }[] };
  expect(bomFormat).toBe('CycloneDX');
  const purls = new Set(components.map(({ purl }) => decodeURIComponent(purl)));
  for (const name of Object.keys(manifest.dependencies!)) expect(purls).toContain(`pkg:npm/${name}@${manifest.dependencies![name]!}`);
  expect(components.every(({ hashes }) => (hashes?.length ?? 0) > 0)).toBe(true);
});

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const part = (bytes: number): string => randomBytes(bytes).toString('base64url');
test.each<[string, () => string]>([
  ['Mercado Pago token', () => `APP_USR-${Date.now()}-112233-${hex(16)}-200000001`],
  ['Mercado Pago token', () => `TEST-${Date.now()}-112233-${hex(16)}-200000001`],
  ['Supabase secret key', () => `sb_secret_${part(24)}`],
  ['JWT', () => `eyJ${part(24)}.eyJ${part(24)}.${part(32)}`],
  [
    'secretlint-rule-privatekey',
    () => generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs1', format: 'pem' }) as string,
  ],
])('P-756: a planted %s is found, told by place, and its text is not shown', async (kind, make) => {
  const secret = make();
  await inFolder({ 'a/b.ts': `const x = 1;\nconst y = \`${secret}\`;\n` }, (dir) => {
    const { faults } = checkSecrets(dir);
    expect(faults.join('\n')).toContain('a/b.ts:2');
    expect(faults.join('\n')).toContain(kind);
    expect(faults.join('\n')).not.toContain(secret);
    const excused = checkSecrets(dir, [{ file: /^a\/b\.ts$/, text: /[^]/, reason: 'a sample of this test' }]);
    expect(excused.faults).toEqual([]);
  });
});

test('P-756: no secret is in the tree', () => {
  expect(checkSecrets(PROJECT_ROOT).faults).toEqual([]);
}, 120_000);

const LOG = '# Changelog\n\n## Unreleased\n\n### Added\n- One thing.\n';
const run = (dir: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
    cwd: dir,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
function commit(dir: string, files: Record<string, string>): void {
  write(dir, files);
  run(dir, 'add', '-A');
  run(dir, 'commit', '-qm', 'Change');
}

test('a change of the product without a line in the changelog is a fault, by branch, by release and uncommitted', async () => {
  await inFolder({}, (dir) => {
    run(dir, 'init', '-q', '-b', 'main');
    commit(dir, { 'CHANGELOG.md': LOG, 'worker/a.ts': '1', 'test/a.ts': '1' });
    expect(checkChangelog(dir).faults).toEqual([]);
    write(dir, { 'worker/new.ts': '1' });
    expect(checkChangelog(dir).faults).toEqual([expect.stringContaining('worker/new.ts')]);
    run(dir, 'checkout', '-qb', 'change');
    commit(dir, {});
    expect(checkChangelog(dir).faults).toEqual([expect.stringContaining('since the main branch (worker/new.ts)')]);
    commit(dir, { 'CHANGELOG.md': `${LOG}- Another.\n` });
    expect(checkChangelog(dir).faults).toEqual([]);
    run(dir, 'checkout', '-q', 'main');
    run(dir, 'merge', '-q', 'change');
    run(dir, 'tag', 'v1.0.0');
    run(dir, 'branch', '-qD', 'change');
    commit(dir, { 'test/b.ts': '1' });
    expect(checkChangelog(dir).faults).toEqual([]);
    commit(dir, { 'client/b.ts': '1' });
    expect(checkChangelog(dir).faults).toEqual([expect.stringContaining('since v1.0.0 (client/b.ts)')]);
  });
});

test('the changelog check lives with a shallow clone and with no git at all', async () => {
  await inFolder({}, async (dir) => {
    run(dir, 'init', '-q', '-b', 'main');
    commit(dir, { 'CHANGELOG.md': LOG });
    commit(dir, { 'worker/a.ts': '1' });
    await inFolder({}, (clone) => {
      run(clone, 'clone', '-q', '--depth', '1', `file://${dir}`, 'c');
      expect(checkChangelog(join(clone, 'c')).faults).toEqual([]);
    });
    await inFolder({}, (plain) => {
      cpSync(join(dir, 'CHANGELOG.md'), join(plain, 'CHANGELOG.md'));
      expect(checkChangelog(plain)).toMatchObject({ faults: [], summary: expect.stringContaining('no git history') });
    });
  });
});
