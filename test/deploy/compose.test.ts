import { expect, test } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { loadConfig, SETTINGS } from '../../adapters/config.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { KEPT_RUN_MIB, QUEUES } from '../../worker/queues.ts';
import { composeFaults, isAlta, placeFaults, readCompose, resolved, ROOT, schemaFaults, type Compose } from '../support/compose.ts';

/**
 * No engine has run these files. What can be checked without one is checked here: form against the specification's schema, and
 * every command, port, variable, volume and health check against the code.
 */
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const namesIn = (file: string): string[] => [...text(file).matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name!);

/** What the processes refuse to start without, in their own words. */
const required = (() => {
  try {
    loadConfig({});
    return [];
  } catch (error) {
    return [...(error as Error).message.matchAll(/([A-Z][A-Z0-9_]*): is missing/g)].map(([, name]) => name!);
  }
})();
const commands = [...text('deploy/entrypoint.ts').matchAll(/^ {2}(\w+): \['(\S+?)'/gm)].map(([, name, file]) => ({
  name: name!,
  file: file!,
}));
const facts = { settings: SETTINGS, required, commands: commands.map(({ name }) => name) };
const instructions = DockerfileParser.parse(text('Dockerfile')).getInstructions();
const envOfImage = Object.fromEntries(
  instructions
    .filter((instruction) => instruction.getKeyword() === 'ENV')
    .flatMap((instruction) =>
      [...(instruction.getRawArgumentsContent() ?? '').matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name!, value!]),
    ),
);

test('the compose file is valid by the specification and agrees with the code', () => {
  expect(schemaFaults(readCompose())).toEqual([]);
  expect(required).toEqual(expect.arrayContaining(['ADMIN_DATABASE_URL', 'ALTA_VAULT_KEYS', 'MP_ACCESS_TOKEN']));
  expect(composeFaults(readCompose(), facts)).toEqual([]);
});

test('the runs that a worker keeps in memory fit into what the compose file gives it, and one queue into its thread', () => {
  const limits = (readCompose().services['worker'] as unknown as { deploy: { resources: { limits: { memory: string } } } }).deploy;
  const memoryMib = Number(/^(\d+)M$/.exec(limits.resources.limits.memory)?.[1]);
  const kept = Object.values(QUEUES).map(({ maxCachedWorkflows = Number.NaN }) => maxCachedWorkflows * KEPT_RUN_MIB);
  // A worker without runs takes some 300 MiB. A thread's heap is half of the container, and works well while a third of it is free.
  expect(kept.reduce((sum, mib) => sum + mib, 300)).toBeLessThan(memoryMib);
  expect(Math.max(...kept)).toBeLessThanOrEqual((memoryMib / 2) * (2 / 3));
});

const MUTATIONS: [string, (compose: Compose) => void, RegExp][] = [
  [
    'an unknown variable',
    ({ services }) => (services['worker']!.environment!['ALTA_VALT_KEYS'] = 'x'),
    /worker: nobody reads ALTA_VALT_KEYS/,
  ],
  ['a missing setting', ({ services }) => delete services['relay']!.environment!['MP_ACCESS_TOKEN'], /relay: needs MP_ACCESS_TOKEN/],
  ['an unknown command', ({ services }) => (services['api']!.command = ['serve']), /api: the image has no command "serve"/],
  ['a missing dependency', ({ services }) => delete services['migrate'], /waits for migrate, which is not there/],
  [
    'a wrong condition',
    ({ services }) => (services['api']!.depends_on!['postgres'] = { condition: 'service_completed_successfully' }),
    /never ends/,
  ],
  [
    'a floating tag',
    ({ services }) => (services['postgres']!.image = 'postgres:latest'),
    /postgres: image postgres:latest has no exact tag/,
  ],
  ['an open port', ({ services }) => (services['api']!.ports = ['8080:8080']), /api: publishes 8080:8080/],
  ['no health check', ({ services }) => delete services['worker']!.healthcheck, /worker: has no health check/],
  ['a writable root', ({ services }) => delete services['worker']!.read_only, /worker: may write/],
  ['rights kept', ({ services }) => delete services['temporal']!.cap_drop, /temporal: keeps rights/],
  ['an unreachable host', ({ services }) => (services['worker']!.networks = ['edge']), /worker: shares no network with/],
  ['an unknown host', ({ services }) => (services['worker']!.environment!['TEMPORAL_ADDRESS'] = 'temporel:7233'), /temporel is no service/],
  ['an unknown volume', ({ services }) => (services['postgres']!.volumes = ['data:/x']), /volume data is not there/],
];
test.each(MUTATIONS)('the check finds %s', (_name, mutate, expected) => {
  const compose = structuredClone(readCompose());
  mutate(compose);
  expect(composeFaults(compose, facts).join('\n')).toMatch(expected);
});
test.each<[string, (compose: Compose) => void]>([
  ['a misspelt key', ({ services }) => Object.assign(services['api']!, { comand: [] })],
  ['a port that is no port', ({ services }) => Object.assign(services['api']!, { ports: [{ target: {} }] })],
  ['a health check without form', ({ services }) => Object.assign(services['api']!, { healthcheck: { test: 7 } })],
])('the schema finds %s', (_name, mutate) => {
  const compose = structuredClone(readCompose());
  mutate(compose);
  expect(schemaFaults(compose)).not.toEqual([]);
});

test('P-617: every setting has a place in the compose file or in the image, or a reason why a deployment needs none', () => {
  expect(placeFaults(readCompose(), SETTINGS, envOfImage)).toEqual([]);
  const found = (settings: readonly string[], mutate: (compose: Compose) => void = () => undefined): string[] => {
    const compose = structuredClone(readCompose());
    mutate(compose);
    return placeFaults(compose, settings, envOfImage);
  };
  expect(found([...SETTINGS, 'ALTA_NEW'])).toEqual(['ALTA_NEW has no place in worker, relay, api, and no reason why not']);
  expect(found(SETTINGS, ({ services }) => delete services['relay']!.environment!['ALERT_WEBHOOK_URL'])).toEqual([
    'ALERT_WEBHOOK_URL has no place in relay, and no reason why not',
  ]);
  expect(found(SETTINGS.filter((name) => name !== 'RELAY_BATCH'))).toEqual(['RELAY_BATCH is no setting']);
  expect(found(SETTINGS, ({ services }) => (services['api']!.environment!['RELAY_BATCH'] = '9'))).toEqual([
    'RELAY_BATCH is set, though it is said not to be needed',
  ]);
});

test('P-617: with nothing set but what is asked for, every process of Alta takes the settings that the compose file gives it', () => {
  const alta = Object.entries(readCompose().services).filter(([, service]) => isAlta(service));
  expect(alta.map(([name]) => name)).toEqual(expect.arrayContaining(['migrate', 'schedules', 'worker', 'relay', 'api']));
  for (const [, service] of alta) {
    const env = { ...envOfImage, ...resolved(service, (name) => (name === 'MP_LIVE_MODE' ? 'true' : (SAMPLES[name] ?? 'sample'))) };
    const config = loadConfig(env);
    expect(config).toMatchObject({
      NODE_ENV: 'production',
      METRICS_HOST: '0.0.0.0',
      METRICS_PORT: 9464,
      LOG_LEVEL: 'info',
      EXPIRY_SECONDS: 300,
    });
    // Production refuses what is plain unless it is told otherwise.
    expect(config.ALTA_CODEC_PLAINTEXT).toBeUndefined();
  }
});

const SAMPLES: Readonly<Record<string, string>> = {
  MP_COLLECTOR_ID: '1',
  MP_WEBHOOK_SECRETS: 'a:b',
  PUBLIC_URL: 'https://alta.example.com',
  SMTP_URL: 'smtp://mail.example.com:587',
};

test('ports and health checks are those of the image, and each command has its file', () => {
  const { services } = readCompose();
  expect(services['api']!.ports).toEqual([`127.0.0.1:8080:${envOfImage['API_PORT']!}`]);
  expect(loadConfig({ ...Object.fromEntries(required.map((name) => [name, sample(name)])), NODE_ENV: 'development' }).API_PORT).toBe(
    Number(envOfImage['API_PORT']),
  );
  for (const [name, service] of Object.entries(services).filter(([, service]) => isAlta(service) && service.healthcheck?.test)) {
    expect(service.healthcheck!.test).toEqual(['CMD', 'node', '/app/deploy/entrypoint.ts', 'health', name]);
    expect(service.command).toEqual([name]);
    // SIGTERM first, and the activities' grace ends before the engine's patience does.
    expect(parseInt(service.stop_grace_period!)).toBeGreaterThan(20);
  }
  for (const { file } of commands) expect(existsSync(join(ROOT, 'deploy', file))).toBe(true);
  for (const variable of Object.keys(envOfImage)) expect(SETTINGS).toContain(variable);
});

const sample = (name: string): string =>
  ({ ADMIN_DATABASE_URL: 'postgres://127.0.0.1/a', MP_COLLECTOR_ID: '1', MP_LIVE_MODE: 'false', MP_WEBHOOK_SECRETS: 'a:b' })[name] ?? 'x:y';

test('every file that is mounted is there, every secret is asked for, and the example names exactly what is asked', () => {
  const mounted = [...text('docker-compose.yml').matchAll(/\.\/((?:deploy|supabase)\/[^:'\s]+):/g)].map(([, path]) => path!);
  for (const path of mounted) expect(existsSync(join(ROOT, path))).toBe(true);
  const files = readdirSync(join(ROOT, 'deploy/compose')).filter((file) => file !== '.env.example');
  expect(files.filter((file) => !mounted.includes(`deploy/compose/${file}`))).toEqual([]);

  const asked = [...text('docker-compose.yml').matchAll(/\$\{(\w+)(:\?[^}]+|:-[^}]*)?\}/g)];
  expect(asked.filter(([, , rule]) => rule === undefined).map(([, name]) => name)).toEqual([]);
  expect(new Set(namesIn('deploy/compose/.env.example'))).toEqual(new Set(asked.map(([, name]) => name)));
  for (const { key } of Object.values(SEARCH_ATTRIBUTES).map(({ name }) => ({ key: name })))
    expect(text('deploy/compose/temporal-namespace.sh')).toContain(key);
});

test('P-617: .env.example names every setting, and nothing that is none', () => {
  const names = namesIn('.env.example');
  expect(SETTINGS.filter((setting) => !names.includes(setting))).toEqual([]);
  // The Temporal profile's own variables are read by the SDK (adapters/temporal/profile.ts).
  expect(
    names.filter((name) => !SETTINGS.includes(name) && !/^TEMPORAL_(CONFIG_FILE|PROFILE|API_KEY|TLS\w*|GRPC_META\w*)$/.test(name)),
  ).toEqual([]);
});

test('the Dockerfile has no fault that a linter knows, pins the Node that the tests run on, and ends as a user who is not root', () => {
  expect(validate(text('Dockerfile')).map(({ message }) => message)).toEqual([]);
  const { devDependencies } = JSON.parse(text('package.json')) as { devDependencies: Record<string, string> };
  expect(text('Dockerfile')).toContain(`ARG NODE_IMAGE=node:${devDependencies['node']!}-`);
  const last = (keyword: string): string | undefined =>
    instructions
      .filter((found) => found.getKeyword() === keyword)
      .at(-1)
      ?.getRawArgumentsContent() ?? undefined;
  expect(last('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(last('ENTRYPOINT')).toMatch(/^\[/);
});
