import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AltaError } from '../contract/errors.ts';

const clusterKeysSchema = z.object({ publishableKey: z.string(), secretKey: z.string(), jwtSecret: z.string() });
export type ClusterKeys = z.infer<typeof clusterKeysSchema>;

const keysSchema = z.object({
  /** In the form of `ALTA_VAULT_KEYS`. */
  vault: z.string(),
  /** In the form of `ALTA_CODEC_KEYS`. */
  codec: z.string(),
  /** In the form of `ALTA_OPERATOR_TOKENS`. */
  operator: z.string(),
  postgresPassword: z.string(),
  clusters: z.record(z.string(), clusterKeysSchema),
});
export type LocalKeys = z.infer<typeof keysSchema>;

const namedKey = (): string => `local:${randomBytes(32).toString('base64')}`;
const token = (prefix: string): string => prefix + randomBytes(24).toString('base64url');
/** What data directories from before the codec lack. */
const codecKeys = (): Pick<LocalKeys, 'codec' | 'operator'> => ({ codec: namedKey(), operator: `local:${token('')}` });

function generate(clusterIds: readonly string[]): LocalKeys {
  return {
    vault: namedKey(),
    ...codecKeys(),
    postgresPassword: token(''),
    clusters: Object.fromEntries(clusterIds.map((id) => [id, generateClusterKeys()])),
  };
}

const generateClusterKeys = (): ClusterKeys => ({
  publishableKey: token('sb_publishable_'),
  secretKey: token('sb_secret_'),
  jwtSecret: token(''),
});

/** Writes a file that only its owner can read, whole or not at all. */
export function writePrivateFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}

/**
 * The local stack's keys, made once per data directory (mode 0600) and the same ever after. Throws CONFIG_INVALID when the file is
 * damaged: without its vault key the stored secrets cannot be opened, so it is not silently made anew.
 */
export function loadKeys(dataDir: string, clusterIds: readonly string[]): LocalKeys {
  const path = join(dataDir, 'keys.json');
  mkdirSync(dataDir, { recursive: true });
  if (!existsSync(path)) writePrivateFile(path, `${JSON.stringify(generate(clusterIds), null, 2)}\n`);
  chmodSync(path, 0o600);
  let keys: LocalKeys;
  let changed: boolean;
  try {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as Partial<LocalKeys>;
    keys = keysSchema.parse({ ...codecKeys(), ...kept });
    changed = kept.codec === undefined || kept.operator === undefined;
  } catch {
    throw new AltaError('CONFIG_INVALID', `${path} is damaged; restore it, or run \`npm run reset\` to begin anew`);
  }
  const missing = clusterIds.filter((id) => keys.clusters[id] === undefined);
  if (missing.length === 0 && !changed) return keys;
  for (const id of missing) keys.clusters[id] = generateClusterKeys();
  writePrivateFile(path, `${JSON.stringify(keys, null, 2)}\n`);
  return keys;
}
