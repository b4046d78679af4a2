import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Report } from './check.ts';

const advisory = z.object({ package: z.string(), severity: z.string(), title: z.string(), url: z.string(), range: z.string() });
const snapshotForm = z.object({
  /** When a registry was last asked; null: never. */
  checkedAt: z.iso.datetime().nullable(),
  /** SHA-256 of the lockfile that it was asked about. */
  lockfile: z.string().nullable(),
  advisories: z.array(advisory),
  /** Advisories, by address, that do not concern us, and why. */
  waivers: z.array(z.object({ url: z.string(), reason: z.string().min(10) })),
});
export type Snapshot = z.infer<typeof snapshotForm>;

export const SNAPSHOT_FILE = 'local/verify/advisories.json';
const MAX_BYTES = 64 * 1024 * 1024;

const digest = (root: string): string =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
const readSnapshot = (root: string): Snapshot => snapshotForm.parse(JSON.parse(readFileSync(join(root, SNAPSHOT_FILE), 'utf8')));

/**
 * Known advisories, without a network: what `npm run audit` last wrote down. The line says from when it is and whether the
 * packages have changed since; a listed advisory without a waiver is a fault.
 */
export function checkAdvisories(root: string): Report {
  const { checkedAt, lockfile, advisories, waivers } = readSnapshot(root);
  const waived = new Set(waivers.map(({ url }) => url));
  const faults = advisories
    .filter(({ url }) => !waived.has(url))
    .map(({ package: name, severity, title, url }) => `${name}: ${severity}, ${title} (${url})`);
  const named = new Set(advisories.map(({ url }) => url));
  faults.push(...waivers.filter(({ url }) => !named.has(url)).map(({ url }) => `the waiver of ${url} is not needed`));
  const when =
    checkedAt === null
      ? 'NEVER CHECKED: no registry has been asked yet'
      : `as of ${checkedAt.slice(0, 10)}${lockfile === digest(root) ? '' : ', before the packages last changed'}`;
  const summary =
    checkedAt === null
      ? `${when}; npm run audit asks one`
      : `${when}: ${advisories.length} known, ${waivers.length} waived; npm run audit asks again`;
  return { name: 'advisories', summary, faults };
}

const auditForm = z.object({
  vulnerabilities: z.record(
    z.string(),
    z.object({
      via: z.array(
        z.union([
          z.string(),
          z.object({ name: z.string(), severity: z.string(), title: z.string(), url: z.string(), range: z.string() }).loose(),
        ]),
      ),
    }),
  ),
});

/**
 * Asks the registry that npm is set to, and writes the snapshot anew; waivers stay. Throws when it does not answer as a registry
 * with advisories does; then the snapshot stays as it is.
 */
export function refreshAdvisories(root: string, now = new Date()): Snapshot {
  const run = spawnSync('npm', ['audit', '--json', '--package-lock-only'], { cwd: root, encoding: 'utf8', maxBuffer: MAX_BYTES });
  const answer = auditForm.safeParse(parse(run.stdout));
  if (!answer.success) throw new Error('the registry gave no advisories: it cannot be reached or does not serve them; the snapshot stays');
  const found = new Map<string, z.infer<typeof advisory>>();
  for (const { via } of Object.values(answer.data.vulnerabilities))
    for (const cause of via)
      if (typeof cause !== 'string') {
        const { name, severity, title, url, range } = cause;
        found.set(`${name} ${url}`, { package: name, severity, title, url, range });
      }
  const advisories = [...found.values()].sort((a, b) => `${a.package} ${a.url}`.localeCompare(`${b.package} ${b.url}`));
  const snapshot = { checkedAt: now.toISOString(), lockfile: digest(root), advisories, waivers: readSnapshot(root).waivers };
  writeFileSync(join(root, SNAPSHOT_FILE), `${JSON.stringify(snapshot, null, 2)}\n`);
  return snapshot;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
