import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { Copy, DockerfileParser, type Instruction } from 'dockerfile-ast';

const ROOT = resolve(import.meta.dirname, '../..');
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

export interface Image {
  /** Folder that stands for the image's `/`. */
  root: string;
  /** The image's environment, paths made ours. */
  env: Record<string, string>;
  user: { uid: number; gid: number };
  healthcheck: string[];
  entrypoint: string[];
  /** Starts a command of the entry point as the image's user, who may write nowhere. */
  start(args: string[], env: Record<string, string>): ChildProcess;
  remove(): void;
}

interface Stage {
  root: string;
  workdir: string;
  env: Record<string, string>;
}

const words = (instruction: Instruction): string[] => instruction.getArguments().map((argument) => argument.getValue());
const execForm = (instruction: Instruction): string[] =>
  JSON.parse(/\[.*\]/s.exec(instruction.getRawArgumentsContent() ?? '')?.[0] ?? '[]') as string[];

/**
 * Lays out by hand what `docker build` would: the same Dockerfile, instruction by instruction, with a folder in the place of the
 * image's root and without the base image, whose Node is this process' own. What it does not know, it refuses.
 */
export function layOutImage(): Image {
  const top = mkdtempSync(join(tmpdir(), 'alta-image-'));
  chmodSync(top, 0o755);
  const stages = new Map<string, Stage>();
  let stage: Stage = { root: '', workdir: '', env: {} };
  let [user, healthcheck, entrypoint]: [Image['user'], string[], string[]] = [{ uid: 0, gid: 0 }, [], []];
  for (const instruction of DockerfileParser.parse(DOCKERFILE).getInstructions()) {
    const args = words(instruction);
    switch (instruction.getKeyword()) {
      case 'ARG':
      case 'LABEL':
      case 'EXPOSE':
      case 'STOPSIGNAL':
        break;
      case 'FROM':
        stage = newStage(join(top, args[2]!), stages.get(args[0]!));
        stages.set(args[2]!, stage);
        break;
      case 'WORKDIR':
        stage.workdir = join(stage.root, args[0]!);
        mkdirSync(stage.workdir, { recursive: true });
        break;
      case 'ENV':
        for (const [name, value] of pairs(instruction)) stage.env[name] = value.replace(/^(?=\/app\/)/, stage.root);
        break;
      case 'COPY':
        if (!(instruction instanceof Copy)) throw new Error('a COPY that the parser does not know as one');
        copy(instruction, args, stage, stages);
        break;
      case 'RUN':
        run(args, stage);
        break;
      case 'USER': {
        const [uid = NaN, gid = NaN] = args[0]!.split(':').map(Number);
        user = { uid, gid };
        break;
      }
      case 'HEALTHCHECK':
        healthcheck = execForm(instruction);
        break;
      case 'ENTRYPOINT':
        entrypoint = execForm(instruction);
        break;
      default:
        throw new Error(`the Dockerfile has an instruction that this check does not know: ${instruction.toString()}`);
    }
  }
  return finish(top, stage, { user, healthcheck, entrypoint });
}

function newStage(root: string, base: Stage | undefined): Stage {
  mkdirSync(root, { recursive: true });
  if (base) linkTree(base.root, root);
  return { root, workdir: base ? base.workdir.replace(base.root, root) : root, env: { ...base?.env } };
}

function pairs(instruction: Instruction): [string, string][] {
  return [...(instruction.getRawArgumentsContent() ?? '').matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]);
}

/** What `.dockerignore` lets through: an allow-list, `*` first. */
export function allowedContext(): string[] {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (rules[0] !== '*') throw new Error('.dockerignore does not begin by leaving everything out');
  return rules.slice(1).map((rule) => rule.replace(/^!/, ''));
}

function copy(instruction: Copy, args: string[], stage: Stage, stages: Map<string, Stage>): void {
  const from = instruction.getFromFlag()?.getValue() ?? undefined;
  const paths = [...args];
  const target = paths.pop()!;
  for (const path of paths) {
    if (from === undefined && !allowedContext().includes(path)) throw new Error(`.dockerignore keeps ${path} from the builder`);
    const source = from === undefined ? join(ROOT, path) : join(stages.get(from)!.root, path);
    const place = target.endsWith('/') ? join(stage.workdir, target, path.split('/').at(-1)!) : join(stage.workdir, target);
    if (from === undefined) cpSync(source, place, { recursive: true });
    else linkTree(source, place);
  }
}

/** From stage to stage: the same files under a second name, which is as good as a copy where nobody writes. */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, place] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, place);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), place);
    else linkSync(source, place);
  }
}

/** Only the two acts that the image is made of; anything else could touch this machine. */
function run(args: string[], stage: Stage): void {
  const [program, ...rest] = args;
  const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_(?!execpath|config_(cache|registry))|NODE_OPTIONS)/.test(name));
  const env = {
    ...Object.fromEntries(inherited),
    ...stage.env,
    PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
    npm_config_prefer_offline: 'true',
  };
  if (program === 'npm' && rest[0] === 'ci') {
    const npm = process.env['npm_execpath'];
    const [command, lead]: [string, string[]] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
    execFileSync(command, [...lead, ...rest], { cwd: stage.workdir, env, stdio: ['ignore', 'ignore', 'pipe'] });
  } else if (program === 'node') {
    execFileSync(process.execPath, rest, { cwd: stage.workdir, env, stdio: ['ignore', 'ignore', 'pipe'] });
  } else throw new Error(`the Dockerfile runs what this check does not know: ${args.join(' ')}`);
}

function finish(top: string, stage: Stage, facts: Pick<Image, 'user' | 'healthcheck' | 'entrypoint'>): Image {
  // The user of the image cannot always reach this process' Node; a file of its own stands for the base image's.
  const node = join(top, 'node');
  try {
    linkSync(process.execPath, node);
  } catch {
    cpSync(process.execPath, node);
  }
  makeReadOnly(stage.root);
  const isRoot = userInfo().uid === 0;
  return {
    ...facts,
    root: stage.root,
    env: stage.env,
    start: (args, env) =>
      spawn(
        node,
        // Node's own guard besides the file system's: reads below the image only, writes nowhere, no child processes.
        [
          '--permission',
          '--disable-warning=SecurityWarning',
          `--allow-fs-read=${stage.root}`,
          '--allow-fs-read=/proc/1',
          '--allow-addons',
          '--allow-worker',
          ...args,
        ],
        { cwd: stage.workdir, env: { ...stage.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], ...(isRoot ? facts.user : {}) },
      ),
    remove: () => rmSync(top, { recursive: true, force: true }),
  };
}

function makeReadOnly(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true, recursive: true }))
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o555);
  chmodSync(dir, 0o555);
}
