import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { PROJECT_ROOT } from '../paths.ts';
import type { Report } from './check.ts';
import { git, lines } from './git.ts';

/** Shapes of the credentials that Alta handles, beside those that the linter's recommended rules know. */
const SHAPES: Record<string, RegExp> = {
  'Mercado Pago token': /\b(?:APP_USR|TEST)-\d{8,}-\d{6}-[0-9a-f]{32}-\d+/g,
  'Supabase secret key': /\bsb_secret_[A-Za-z0-9_-]{20,}/g,
  'Supabase access token': /\bsbp_[0-9a-f]{40}\b/g,
  JWT: /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}/g,
};

interface Exception {
  file: RegExp;
  text: RegExp;
  reason: string;
}

/** What looks like a secret and is none. */
const EXCEPTIONS: Exception[] = [];

const LINTER = join(PROJECT_ROOT, 'node_modules/secretlint/bin/secretlint.js');
const MAX_BYTES = 64 * 1024 * 1024;
const LEFT_OUT = /^(node_modules|\.alta|\.git|coverage|dist)$/;
const LARGEST_BYTES = 4 * 1024 * 1024;

/** The files that belong to the project: what git tracks or would; without git, everything but what is made. */
function projectFiles(root: string): string[] {
  const tracked = git(root, 'ls-files', '--cached', '--others', '--exclude-standard');
  const files = tracked === undefined ? walk(root, root) : lines(tracked);
  return files.filter((file) => statSync(join(root, file), { throwIfNoEntry: false })?.isFile());
}

function walk(root: string, dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (LEFT_OUT.test(entry.name)) return [];
    const path = join(dir, entry.name);
    return entry.isDirectory() ? walk(root, path) : [relative(root, path)];
  });
}

interface Finding {
  file: string;
  line: number;
  kind: string;
  text: string;
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

function byShape(file: string, text: string): Finding[] {
  return Object.entries(SHAPES).flatMap(([kind, shape]) =>
    [...text.matchAll(shape)].map((match) => ({ file, line: lineAt(text, match.index), kind, text: match[0] })),
  );
}

interface LintResult {
  filePath: string;
  messages: { ruleId: string; message: string; range: [number, number]; loc: { start: { line: number } } }[];
}

function byLinter(root: string, files: string[]): Finding[] {
  const rules = JSON.stringify({ rules: [{ id: '@secretlint/secretlint-rule-preset-recommend' }] });
  const options = ['--no-glob', '--no-gitignore', '--no-maskSecrets', '--format', 'json', '--secretlintrcJSON', rules];
  const paths = files.map((file) => join(root, file));
  // Found from here, not from the folder that is looked at, which need not have packages.
  const run = spawnSync(process.execPath, [LINTER, ...options, ...paths], { cwd: PROJECT_ROOT, encoding: 'utf8', maxBuffer: MAX_BYTES });
  // 0: nothing found; 1: something found; anything else: it did not look.
  if (run.status !== 0 && run.status !== 1) throw new Error(`the secret linter ended with ${run.status ?? 'a signal'}: ${run.stderr}`);
  const { stdout } = run;
  const results = JSON.parse(stdout || '[]') as LintResult[];
  return results.flatMap(({ filePath, messages }) =>
    messages.map(({ ruleId, range, loc }) => ({
      file: relative(root, filePath),
      line: loc.start.line,
      kind: ruleId.split('/').at(-1)!,
      text: readFileSync(filePath, 'utf8').slice(...range),
    })),
  );
}

/**
 * Looks for secrets in every file of the project, by the linter's recommended rules and by the shapes above. A finding is told by
 * place and kind, never by its text.
 */
export function checkSecrets(root: string, exceptions: Exception[] = EXCEPTIONS): Report {
  const files = projectFiles(root).filter((file) => file !== 'package-lock.json' && statSync(join(root, file)).size <= LARGEST_BYTES);
  const found = [...files.flatMap((file) => byShape(file, readFileSync(join(root, file), 'utf8'))), ...byLinter(root, files)];
  const used = new Set<Exception>();
  const faults = found.flatMap(({ file, line, kind, text }) => {
    const exception = exceptions.find((candidate) => candidate.file.test(file) && candidate.text.test(text));
    if (exception === undefined) return [`${file}:${line}: ${kind}`];
    used.add(exception);
    return [];
  });
  faults.push(
    ...exceptions.filter((exception) => !used.has(exception)).map(({ file }) => `the exception for ${file.source} is not needed`),
  );
  return { name: 'secrets', summary: `${files.length} files, none found; ${used.size} exceptions`, faults };
}
