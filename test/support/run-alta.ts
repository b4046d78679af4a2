import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../client/cli/main.ts', import.meta.url));

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Runs `alta` to its end as a process of its own, as an operator does. */
export const runAlta = (env: Record<string, string>, ...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const clean = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NO_COLOR: '1', NODE_NO_WARNINGS: '1', ...env };
    execFile(process.execPath, [MAIN, ...args], { env: clean }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
