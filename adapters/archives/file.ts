import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AltaError } from '../../contract/errors.ts';
import type { Archives } from './index.ts';

/** Archives as files below `dir`, which only this process' user may read: they hold personal data. */
export function fileArchives(dir: string): Archives {
  return {
    locationOf: (name) => pathToFileURL(join(dir, name)).href,
    write: (name, bytes) => telling('written', name, () => writeWhole(join(dir, name), bytes)),
    read: (name) => telling('read', name, () => readFile(join(dir, name))),
    discard: (prefix) => telling('removed', prefix, () => rm(join(dir, prefix), { recursive: true, force: true })),
  };
}

/** On the disk when it returns, under its name only when it is whole. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const part = `${path}.part`;
  const file = await open(part, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
}

async function telling<T>(what: string, name: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unforeseen';
    throw new AltaError('EXPORT_FAILED', `${name} could not be ${what} (${code})`, { cause: error, details: { reason: code } });
  }
}
