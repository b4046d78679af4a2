import { join, resolve } from 'node:path';

export const PROJECT_ROOT = resolve(import.meta.dirname, '..');

/** Where the local stack keeps everything: databases, keys, logs; git-ignored, emptied by `npm run reset`. */
export const DATA_DIR = join(PROJECT_ROOT, '.alta');

/** Settings of the running stack, for the command line tool. */
export const envFileOf = (dataDir: string): string => join(dataDir, 'local.env');

/** Held by the process that runs the stack of a data directory. */
export const lockFileOf = (dataDir: string): string => join(dataDir, 'stack.lock');

/** Where Node.js keeps compiled code (NODE_COMPILE_CACHE): processes that are started again and again start in half the CPU time. */
export const COMPILE_CACHE = join(DATA_DIR, 'compile-cache');
