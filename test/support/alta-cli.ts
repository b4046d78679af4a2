import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../client/cli/main.ts', import.meta.url));

export interface CliOutcome {
  code: number;
  out: string;
  err: string;
}

/** Runs `alta` as a process of its own, as an operator does. */
export const runAlta = (env: Record<string, string>, ...args: string[]): Promise<CliOutcome> =>
  new Promise((resolve) => {
    const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env;
    const clean = { PATH, HOME, NODE_COMPILE_CACHE, NO_COLOR: '1', NODE_NO_WARNINGS: '1', ...env };
    execFile(process.execPath, [MAIN, ...args], { env: clean }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
