import { spawnSync } from 'node:child_process';

/** What a git command prints, trimmed; undefined when it fails, also because there is no git or no repository. */
export function git(root: string, ...args: string[]): string | undefined {
  const run = spawnSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return run.status === 0 ? run.stdout.trim() : undefined;
}

export const lines = (text: string | undefined): string[] => (text === undefined || text === '' ? [] : text.split('\n'));
