import { z } from 'zod';
import { regexes } from 'zod/v4/core';

/**
 * Builds the contract once for all runs of a worker's thread instead of once a run, which cost every run 20 ms of CPU and 1.7 MB. Nothing of it
 * changes while it is used but what zod's schemas remember about themselves.
 *
 * The SDK freezes whatever can be reached from a module that is loaded here, and a frozen schema or pattern of zod no longer works: schemas
 * define their methods when these are first read, and patterns are set back before each use. It goes no further where something is frozen
 * already, so the modules themselves are frozen here, with all that they export but schemas.
 */
declare global {
  interface ImportMeta {
    /** Of the bundler: the modules of a folder. */
    webpackContext(path: string, options: { regExp: RegExp }): { (key: string): object; keys(): string[] };
  }
}

const modules = import.meta.webpackContext('../contract', { regExp: /\.ts$/ });
for (const contract of modules.keys().map(modules)) {
  for (const value of Object.values(contract)) if (!(value instanceof z.ZodType)) Object.freeze(value);
  Object.freeze(contract);
}
Object.freeze(regexes);
