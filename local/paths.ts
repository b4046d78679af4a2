import { join, resolve } from 'node:path';

export const PROJECT_ROOT = resolve(import.meta.dirname, '..');

/** Where the local stack keeps everything: databases, keys, logs; git-ignored, emptied by `npm run reset`. */
export const DATA_DIR = join(PROJECT_ROOT, '.alta');

/** Settings of the running stack, for the command line tool. */
export const envFileOf = (dataDir: string): string => join(dataDir, 'local.env');

/** Held by the process that runs the stack of a data directory. */
export const lockFileOf = (dataDir: string): string => join(dataDir, 'stack.lock');
