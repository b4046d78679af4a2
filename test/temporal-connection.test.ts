import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, type Config } from '../adapters/config.ts';
import { dataConverter, temporalConnection } from '../adapters/temporal/index.ts';
import { isAltaError } from '../contract/errors.ts';
import { onboardingWorkflowId } from '../contract/ids.ts';
import { prepareNamespace } from '../local/temporal.ts';
import { startAlta } from './support/alta-process.ts';
import { createAuthority } from './support/certificates.ts';
import { eventually } from './support/eventually.ts';
import { openTemporalGate, type TemporalGate } from './support/temporal-gate.ts';
import { startWorld, type World } from './support/world.ts';

const NEEDED = {
  ADMIN_DATABASE_URL: 'postgresql://postgres@127.0.0.1:1/none',
  ALTA_VAULT_KEYS: `t1:${randomBytes(32).toString('base64')}`,
  MP_ACCESS_TOKEN: 'TEST-token',
  MP_COLLECTOR_ID: '1',
  MP_LIVE_MODE: 'false',
  MP_WEBHOOK_SECRETS: 's1:secret',
  ALTA_CODEC_KEYS: `c1:${randomBytes(32).toString('base64')}`,
};
const dir = mkdtempSync(join(tmpdir(), 'alta-temporal-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const file = (name: string, content: string): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const load = (env: Record<string, string>): Config => loadConfig({ ...NEEDED, ...env });
const faultOf = (env: Record<string, string>): string => {
  try {
    load(env);
  } catch (error) {
    if (isAltaError(error) && error.code === 'CONFIG_INVALID') return `${error.message}\n${error.stack ?? ''}`;
    throw error;
  }
  throw new Error('the settings were accepted');
};

const ours = createAuthority('ours');
const theirs = createAuthority('theirs');
const alta = ours.issue('alta');
const stranger = theirs.issue('stranger');
const apiKey = `key-${randomUUID()}`;
const pem = {
  ca: file('ca.pem', ours.cert),
  cert: file('client.pem', alta.cert),
  key: file('client.key', alta.key),
  otherKey: file('other.key', ours.issue('other').key),
};
const tlsTable = `[profile.production.tls]
client_cert_path = "${pem.cert}"
client_key_path = "${pem.key}"
server_ca_cert_path = "${pem.ca}"
server_name = "temporal.example.com"
`;
const profileFile = (address: string, namespace: string): string => `[profile.default]
address = "127.0.0.1:1"
[profile.production]
address = "${address}"
namespace = "${namespace}"
api_key = "${apiKey}"
grpc_meta = { x-alta-room = "engine" }
${tlsTable}`;

describe('the Temporal profile', () => {
  test('P-617: without one, Temporal is on this machine; single variables are enough', () => {
    expect(load({})).toMatchObject({ TEMPORAL_ADDRESS: '127.0.0.1:7233', TEMPORAL_NAMESPACE: 'default' });
    const config = load({ TEMPORAL_ADDRESS: 'engine:7233', TEMPORAL_NAMESPACE: 'shop', TEMPORAL_API_KEY: apiKey });
    expect(config).toMatchObject({ TEMPORAL_ADDRESS: 'engine:7233', TEMPORAL_NAMESPACE: 'shop' });
    expect(temporalConnection(config)).toMatchObject({ address: 'engine:7233', apiKey, tls: true });
  });

  test('P-617: a profile gives address, namespace, TLS, key and metadata; variables stand above it', () => {
    const path = file('whole.toml', profileFile('engine.example.com:7233', 'shop.a1'));
    const profile = { TEMPORAL_CONFIG_FILE: path, TEMPORAL_PROFILE: 'production' };
    const config = load(profile);
    expect(config).toMatchObject({ TEMPORAL_ADDRESS: 'engine.example.com:7233', TEMPORAL_NAMESPACE: 'shop.a1' });
    const connection = temporalConnection(config);
    expect(connection).toMatchObject({
      apiKey,
      metadata: { 'x-alta-room': 'engine' },
      tls: { serverNameOverride: 'temporal.example.com' },
    });
    expect(load({ TEMPORAL_CONFIG_FILE: path })).toMatchObject({ TEMPORAL_ADDRESS: '127.0.0.1:1', TEMPORAL_NAMESPACE: 'default' });
    const above = load({ ...profile, TEMPORAL_NAMESPACE: 'other', TEMPORAL_GRPC_META_X_ALTA_ROOM: 'attic', TEMPORAL_API_KEY: '' });
    expect(above).toMatchObject({ TEMPORAL_ADDRESS: 'engine.example.com:7233', TEMPORAL_NAMESPACE: 'other' });
    expect(temporalConnection(above)).toMatchObject({ apiKey, metadata: { 'x-alta-room': 'attic' } });
  });

  test('what lies in the home directory is no setting of a service, unless a profile is asked for', () => {
    const home = mkdtempSync(join(dir, 'home-'));
    mkdirSync(join(home, 'temporalio'));
    writeFileSync(
      join(home, 'temporalio', 'temporal.toml'),
      '[profile.default]\naddress = "cloud:7233"\n[profile.shop]\naddress = "shop:7233"',
    );
    expect(load({ HOME: home, XDG_CONFIG_HOME: home }).TEMPORAL_ADDRESS).toBe('127.0.0.1:7233');
    expect(load({ XDG_CONFIG_HOME: home, TEMPORAL_PROFILE: 'shop' }).TEMPORAL_ADDRESS).toBe('shop:7233');
    expect(faultOf({ XDG_CONFIG_HOME: home, TEMPORAL_PROFILE: 'production' })).toContain("Profile 'production' not found");
  });

  test.each<[string, () => Record<string, string>, RegExp]>([
    ['a file that is not there', () => ({ TEMPORAL_CONFIG_FILE: join(dir, 'none.toml') }), /TEMPORAL_CONFIG_FILE \(.*none\.toml\).*ENOENT/],
    [
      'a file that is not TOML',
      () => ({ TEMPORAL_CONFIG_FILE: file('bad.toml', `[profile.default]\napi_key = "${apiKey}`) }),
      /bad\.toml\): not valid TOML at line 2/,
    ],
    [
      'an unknown key',
      () => ({ TEMPORAL_CONFIG_FILE: file('key.toml', `[profile.default]\nadress = "${apiKey}"`) }),
      /key\.toml\).*unrecognized in profile\.default: adress/,
    ],
    [
      'an unknown TLS key',
      () => ({ TEMPORAL_CONFIG_FILE: file('tls.toml', `[profile.default.tls]\nca = "${apiKey}"`) }),
      /tls\.toml\).*profile\.default\.tls: ca/,
    ],
    [
      'an unknown profile',
      () => ({ TEMPORAL_CONFIG_FILE: file('some.toml', tlsTable), TEMPORAL_PROFILE: 'staging' }),
      /Profile 'staging' not found/,
    ],
    [
      'a value of the wrong kind',
      () => ({ TEMPORAL_CONFIG_FILE: file('kind.toml', '[profile.default]\nnamespace = 7') }),
      /profile default\): namespace/,
    ],
    ['an address without a port', () => ({ TEMPORAL_ADDRESS: 'engine' }), /address: write it as host:port/],
    ['a misspelt TLS variable', () => ({ TEMPORAL_TLS_CA: pem.ca }), /TEMPORAL_TLS_CA: is not a known setting/],
    ['another word for yes', () => ({ TEMPORAL_TLS: 'yes' }), /TEMPORAL_TLS: write true or false/],
    ['a certificate without its key', () => ({ TEMPORAL_TLS_CLIENT_CERT_PATH: pem.cert }), /client_cert and client_key go together/],
    [
      'a certificate that is not there',
      () => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: join(dir, 'no.pem') }),
      /tls\.server_ca_cert_path: cannot be read \(ENOENT\)/,
    ],
    [
      'a key that is no key',
      () => ({ TEMPORAL_TLS_CLIENT_CERT_PATH: pem.cert, TEMPORAL_TLS_CLIENT_KEY_DATA: apiKey }),
      /tls\.client_key: not usable as PEM/,
    ],
    [
      'a key of another certificate',
      () => ({ TEMPORAL_TLS_CLIENT_CERT_PATH: pem.cert, TEMPORAL_TLS_CLIENT_KEY_PATH: pem.otherKey }),
      /tls\.client_cert, client_key: not usable/,
    ],
    [
      'path and data of the same thing',
      () => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: pem.ca, TEMPORAL_TLS_SERVER_CA_CERT_DATA: ours.cert }),
      /Cannot specify both server_ca_cert_path/,
    ],
    [
      'an API key in the clear',
      () => ({ TEMPORAL_ADDRESS: 'engine:7233', TEMPORAL_TLS: 'false', TEMPORAL_API_KEY: apiKey }),
      /an API key is sent over TLS only/,
    ],
  ])('P-617 P-115: %s is refused at the start, by name and without a value', (_, env, fault) => {
    const message = faultOf(env());
    expect(message).toMatch(fault);
    expect(message).not.toContain(apiKey);
    expect(message).not.toContain('PRIVATE KEY');
  });

  test('P-617: other faults of the settings are named together with it', () => {
    expect(faultOf({ MP_COLLECTOR_ID: '', TEMPORAL_TLS: 'yes' })).toMatch(/MP_COLLECTOR_ID: is missing; TEMPORAL_TLS: write/);
  });
});

describe('through TLS with client certificates and an API key', () => {
  let world: World;
  let gate: TemporalGate;
  const namespace = `alta-${randomUUID().slice(0, 8)}`;
  let profile: Record<string, string>;

  beforeAll(async () => {
    world = await startWorld({ run: { worker: false, relay: false } });
    gate = await openTemporalGate(world.config.TEMPORAL_ADDRESS, ours.issue('temporal.example.com'), ours, apiKey);
    profile = { TEMPORAL_CONFIG_FILE: file('gate.toml', profileFile(gate.address, namespace)), TEMPORAL_PROFILE: 'production' };
    await world.temporal.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: 86_400 as never } });
    await prepareNamespace(temporalConnection(load(profile)), namespace, 30_000);
  });
  afterAll(async () => {
    await gate.close();
    await world.close();
  });

  test('P-617: worker and relay, with nothing but a profile, make a store of a paid order, in the namespace of the profile', async () => {
    const { TEMPORAL_ADDRESS: _address, TEMPORAL_NAMESPACE: _namespace, ...env } = world.env;
    const processes = [startAlta('worker', { ...env, ...profile }), startAlta('relay', { ...env, ...profile })];
    try {
      await Promise.all(processes.map(({ ready }) => ready));
      const order = await world.checkout();
      await world.pay(order);
      await world.job(order.accountId, 'completed');
      const direct = new Client({
        connection: world.temporal.connection,
        namespace,
        dataConverter: dataConverter({ ...world.config, TEMPORAL_NAMESPACE: namespace }),
      });
      const { status } = await eventually(() => direct.workflow.getHandle(onboardingWorkflowId(order.accountId)).describe());
      expect(['RUNNING', 'COMPLETED']).toContain(status.name);
      await expect(world.handle(order.accountId).describe()).rejects.toThrow(/not found/i);
    } finally {
      await Promise.all(processes.map((child) => child.stop()));
    }
    const seen = (end: string) => gate.calls.filter(({ path }) => path.endsWith(end));
    // The relay's client and the worker's native connection, each with certificate, key and metadata.
    for (const path of ['/StartWorkflowExecution', '/PollWorkflowTaskQueue', '/RespondActivityTaskCompleted']) {
      const [call] = seen(path);
      expect(call).toMatchObject({ client: 'alta', headers: { authorization: `Bearer ${apiKey}`, 'x-alta-room': 'engine' } });
    }
    expect(gate.calls.every(({ client }) => client === 'alta')).toBe(true);
  }, 180_000);

  test.each<[string, () => Record<string, string>]>([
    ['a CA that is not ours', () => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('theirs.pem', theirs.cert) })],
    ['a server of another name', () => ({ TEMPORAL_TLS_SERVER_NAME: 'elsewhere.example.com' })],
    [
      'a client certificate of another CA',
      () => ({
        TEMPORAL_TLS_CLIENT_CERT_PATH: file('stranger.pem', stranger.cert),
        TEMPORAL_TLS_CLIENT_KEY_PATH: file('stranger.key', stranger.key),
      }),
    ],
    ['a wrong API key', () => ({ TEMPORAL_API_KEY: 'key-of-somebody-else' })],
    ['no TLS', () => ({ TEMPORAL_TLS: 'false' })],
  ])('P-115: %s connects neither client nor worker, and no key shows in the error', async (_, more) => {
    const target = temporalConnection(load({ ...profile, ...more() }));
    const faults = await Promise.all([
      Connection.connect({ ...target, connectTimeout: '5s' }).then(() => undefined, String),
      NativeConnection.connect(target).then(() => undefined, String),
    ]);
    for (const fault of faults) {
      expect(fault).toMatch(/Error/);
      expect(fault).not.toContain(apiKey);
      expect(fault).not.toContain('key-of-somebody-else');
    }
  });
});
