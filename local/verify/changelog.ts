import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './check.ts';
import { git, lines } from './git.ts';

/** What users notice: the product's rooms and how it is deployed. */
const PRODUCT =
  /^(contract|workflows|activities|adapters|worker|client|deploy|supabase)\/|^(Dockerfile|docker-compose\.yml|\.env\.example)$/;

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/**
 * The state to compare with: where this branch left the main one; on the main branch itself what was published last, else the last
 * release's tag. Undefined when the history at hand does not reach that far.
 */
function baseOf(root: string): { commit: string; name: string } | undefined {
  const head = git(root, 'rev-parse', 'HEAD');
  if (head === undefined) return git(root, 'rev-parse', '--git-dir') === undefined ? undefined : { commit: EMPTY_TREE, name: 'nothing' };
  for (const name of ['@{upstream}', 'origin/HEAD', 'origin/main', 'main']) {
    const commit = git(root, 'merge-base', 'HEAD', name);
    if (commit !== undefined && commit !== head) return { commit, name: 'the main branch' };
  }
  const tag = git(root, 'describe', '--tags', '--abbrev=0', '--match', 'v*');
  if (tag !== undefined) return { commit: tag, name: tag };
  // Nothing to compare with but the last commit, so that at least what is not committed yet is looked at.
  return { commit: head, name: 'the last commit' };
}

/**
 * A change of the product needs a line in CHANGELOG.md. Compared with the main branch, else the last release, else the last commit;
 * without git only the file's form is checked.
 */
export function checkChangelog(root: string): Report {
  const name = 'changelog';
  const unreleased = /^## Unreleased\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'))?.[1];
  if (unreleased === undefined) return { name, summary: '', faults: ['CHANGELOG.md has no section "## Unreleased"'] };
  const base = baseOf(root);
  if (base === undefined) return { name, summary: 'no git history here; only the form was checked', faults: [] };
  const changed = [
    ...lines(git(root, 'diff', '--name-only', base.commit)),
    ...lines(git(root, 'ls-files', '--others', '--exclude-standard')),
  ].filter((file) => PRODUCT.test(file));
  const told =
    isUntracked(root) || lines(git(root, 'diff', '--unified=0', base.commit, '--', 'CHANGELOG.md')).some((line) => /^\+\s*- \S/.test(line));
  const faults =
    changed.length > 0 && !told
      ? [
          `the product changed since ${base.name} (${changed.slice(0, 3).join(', ')}${changed.length > 3 ? ', …' : ''}), CHANGELOG.md did not`,
        ]
      : [];
  return {
    name,
    summary: `${changed.length} files of the product changed since ${base.name}${changed.length > 0 ? ', and it says so' : ''}`,
    faults,
  };
}

const isUntracked = (root: string): boolean => lines(git(root, 'ls-files', '--others', 'CHANGELOG.md')).length > 0;
