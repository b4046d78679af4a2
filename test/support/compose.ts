import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import { parse } from 'yaml';

export const ROOT = resolve(import.meta.dirname, '../..');

export interface Service {
  image?: string;
  build?: unknown;
  command?: string[];
  environment?: Record<string, string | number>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  restart?: string;
  deploy?: { resources?: { limits?: Record<string, unknown> } };
  stop_grace_period?: string;
}

export interface Compose {
  services: Record<string, Service>;
  networks: Record<string, unknown>;
  volumes: Record<string, unknown>;
}

/** docker-compose.yml as the engine reads it: anchors resolved, merge keys applied. */
export const readCompose = (): Compose => parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as Compose;

/** Faults against the compose specification's own schema, as the linter `dclint` carries it. */
export function schemaFaults(compose: unknown): string[] {
  const schema = JSON.parse(readFileSync(join(ROOT, 'node_modules/dclint/schemas/compose.schema.json'), 'utf8')) as Record<string, unknown>;
  // It names draft 07 by an address that the validator does not know as that.
  delete schema['$schema'];
  const ajv = new Ajv({ strict: false, allErrors: true });
  // The package is CommonJS: its function is the default of the default.
  (ajvFormats as unknown as { default: (ajv: Ajv) => void }).default(ajv);
  ajv.addFormat('duration', /^(\d+(h|m|s|ms|us))+$/);
  const validate = ajv.compile(schema);
  return validate(compose) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message ?? ''}`);
}

/** Images whose own variables stand in the file, and what they are called. */
const FOREIGN: Record<string, RegExp> = {
  'postgres:': /^(POSTGRES_(USER|PASSWORD)|PG(HOST|USER|DATABASE|PASSWORD)|ALTA_\w+_DB_PASSWORD|TEMPORAL_DB_PASSWORD)$/,
  'temporalio/admin-tools:': /^(SQL_PASSWORD|TEMPORAL_(ADDRESS|NAMESPACE))$/,
  'temporalio/server:':
    /^(DB|DB_PORT|POSTGRES_(SEEDS|USER|PWD)|DBNAME|VISIBILITY_DBNAME|BIND_ON_IP|NUM_HISTORY_SHARDS|DYNAMIC_CONFIG_FILE_PATH)$/,
  'temporalio/ui:': /^TEMPORAL_(ADDRESS|UI_PORT|DEFAULT_NAMESPACE|CODEC_ENDPOINT|CODEC_INCLUDE_CREDENTIALS)$/,
  'supabase/postgres:': /^(POSTGRES_(DB|PASSWORD)|PGPASSWORD|JWT_(SECRET|EXP))$/,
  'supabase/gotrue:': /^(GOTRUE_[A-Z_]+|API_EXTERNAL_URL)$/,
  'postgrest/postgrest:': /^PGRST_[A-Z_]+$/,
  'supabase/storage-api:':
    /^(ANON_KEY|SERVICE_KEY|POSTGREST_URL|PGRST_JWT_SECRET|DATABASE_URL|FILE_SIZE_LIMIT|STORAGE_BACKEND|FILE_STORAGE_BACKEND_PATH|GLOBAL_S3_BUCKET|REGION|TENANT_ID|ENABLE_IMAGE_TRANSFORMATION)$/,
  'nginxinc/nginx-unprivileged:': /^$/,
};
/** Services that must write below their own root: their entry points render configuration there. */
const MAY_WRITE = new Set(['temporal', 'temporal-ui', 'cluster-db']);

export interface Facts {
  settings: readonly string[];
  /** Settings without a default. */
  required: readonly string[];
  commands: readonly string[];
}

export const isAlta = ({ image = '' }: Service): boolean => image.startsWith('alta:');

/** Everything about the file that the schema cannot know. One line a fault. */
export function composeFaults({ services, networks, volumes }: Compose, facts: Facts): string[] {
  const faults: string[] = [];
  const knows = new Set([...facts.settings, 'CLUSTER_SECRET_KEY', 'CLUSTER_PUBLISHABLE_KEY']);
  for (const [name, service] of Object.entries(services)) {
    const fault = (text: string): void => void faults.push(`${name}: ${text}`);
    const { image = '', environment = {}, depends_on = {}, healthcheck, command = [] } = service;
    const isJob = service.restart?.startsWith('on-failure') === true;
    if (!isAlta(service) && !/:v?\d+\.\d+[\w.-]*$/.test(image)) fault(`image ${image} has no exact tag`);
    for (const variable of Object.keys(environment)) {
      const known = isAlta(service)
        ? knows.has(variable)
        : Object.entries(FOREIGN).some(([start, names]) => image.startsWith(start) && names.test(variable));
      if (!known) fault(`nobody reads ${variable}`);
    }
    if (isAlta(service)) {
      for (const setting of facts.required) if (environment[setting] === undefined) fault(`needs ${setting}`);
      if (!facts.commands.includes(command[0] ?? '')) fault(`the image has no command "${command[0] ?? ''}"`);
    }
    for (const [other, { condition }] of Object.entries(depends_on)) {
      const target = services[other];
      if (target === undefined) fault(`waits for ${other}, which is not there`);
      else if (condition === 'service_completed_successfully' && !target.restart?.startsWith('on-failure'))
        fault(`waits for the end of ${other}, which never ends`);
      else if (condition === 'service_healthy' && !target.healthcheck?.test) fault(`waits for the health of ${other}, which has no check`);
      else if (condition === 'service_started' && other !== 'cluster-rest') fault(`waits for nothing but the start of ${other}`);
    }
    for (const value of Object.values(environment).map(String))
      for (const [, host = ''] of value.matchAll(/(?:@|\/\/|^)([a-z][a-z-]+):\d+/g))
        if (services[host] === undefined) fault(`${host} is no service`);
        else if (!(service.networks ?? []).some((network) => services[host]!.networks?.includes(network)))
          fault(`shares no network with ${host}`);
    if (!isJob && healthcheck?.test === undefined && !['cluster-rest', 'temporal-ui'].includes(name)) fault('has no health check');
    for (const port of service.ports ?? []) if (!port.startsWith('127.0.0.1:')) fault(`publishes ${port} beyond this machine`);
    if (!service.read_only && !MAY_WRITE.has(name)) fault('may write');
    if (!service.cap_drop?.includes('ALL') || !service.security_opt?.includes('no-new-privileges:true')) fault('keeps rights');
    if (service.deploy?.resources?.limits?.['memory'] === undefined) fault('has no limit of memory');
    if (service.restart === undefined) fault('says nothing of restarts');
    for (const network of service.networks ?? []) if (!(network in networks)) fault(`network ${network} is not there`);
    for (const volume of service.volumes ?? []) {
      const source = volume.split(':')[0]!;
      if (!source.startsWith('.') && !(source in volumes)) fault(`volume ${source} is not there`);
    }
  }
  return faults;
}

/** Settings that a deployment by this file leaves at their defaults, and why. */
const NOT_IN_COMPOSE: Readonly<Record<string, string>> = {
  API_DB_POOL: 'the sum of all pools fits the one server that stands in the file',
  RELAY_DB_POOL: 'as API_DB_POOL',
  WORKER_DB_POOL: 'as API_DB_POOL',
  ALTA_QUEUE_PREFIX: 'the namespace is of this installation alone',
  ALTA_WORKER_QUEUES: 'its worker serves all queues',
  ALTA_SHUTDOWN_GRACE_MS: 'stop_grace_period stands in the file and is held against the default',
  ALTA_STOREFRONT: 'the minimal shop stands in for a shop runtime, which a deployment has',
  MP_BASE_URL: 'the default is the real Mercado Pago',
  MP_TIMEOUT_MS: 'a limit of Alta, not of a deployment',
  CLUSTER_TIMEOUT_MS: 'a limit of Alta, not of a deployment',
  WEBHOOK_MAX_AGE_MS: 'how Mercado Pago repeats notifications is the same everywhere (decision 1)',
  WEBHOOK_MAX_FUTURE_MS: 'as WEBHOOK_MAX_AGE_MS',
  RELAY_POLL_MAX_MS: 'a rhythm of Alta, not of a deployment',
  RELAY_LEASE_SECONDS: 'longer than every time limit of a delivery, which do not change either',
  RELAY_BATCH: 'two relays share the rows; one needs no more',
};

/** Settings that have no place: neither in each of Alta's servers, nor in the image, nor on the list above; and what stands there twice or for nothing. */
export function placeFaults({ services }: Compose, settings: readonly string[], image: Readonly<Record<string, string>>): string[] {
  const servers = ['worker', 'relay', 'api'].map((name) => [name, services[name]?.environment ?? {}] as const);
  const faults = Object.keys(NOT_IN_COMPOSE)
    .filter((name) => !settings.includes(name))
    .map((name) => `${name} is no setting`);
  for (const setting of settings) {
    const lacking = servers.filter(([, environment]) => environment[setting] === undefined).map(([name]) => name);
    const given = setting in image || lacking.length === 0;
    if (setting in NOT_IN_COMPOSE) {
      if (setting in image || lacking.length < servers.length) faults.push(`${setting} is set, though it is said not to be needed`);
    } else if (!given) faults.push(`${setting} has no place in ${lacking.join(', ')}, and no reason why not`);
  }
  return faults;
}

/** A service's environment as the engine gives it to the process, variables replaced by `values` or their defaults. */
export const resolved = ({ environment = {} }: Service, values: (name: string) => string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).map(([name, text]) => [
      name,
      String(text).replace(
        /\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}/g,
        (_all, variable: string, fallback?: string) => fallback ?? values(variable),
      ),
    ]),
  );
