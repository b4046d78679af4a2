import { z } from 'zod';
import { dunningPolicySchema } from '../contract/dunning.ts';
import { DOWNGRADE_POLICIES } from '../contract/entitlements.ts';
import { AltaError, isAltaError } from '../contract/errors.ts';
import { QUEUE_NAMES, type QueueName } from '../contract/ids.ts';
import { credentialsPolicySchema } from '../contract/credentials.ts';
import { onboardingPolicySchema } from '../contract/onboarding.ts';
import { archivePlaceSchema } from './archives/place.ts';
import { ROLES } from './admin-db/roles.ts';
import { readTemporalProfile, type TemporalConnection, type TemporalProfile } from './temporal/profile.ts';
import { REFUND_RULES, refundPolicySchema } from '../contract/refund.ts';

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');
const milliseconds = z.coerce.number().int().positive();
const poolSize = z.coerce.number().int().min(2).max(200);
const port = z.coerce.number().int().min(0).max(65_535);

const json = z
  .string()
  .default('{}')
  .transform((text, ctx) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      ctx.addIssue({ code: 'custom', message: 'not valid JSON' });
      return z.NEVER;
    }
  });

/** `id:secret,id2:secret2`: several at once during a rotation; the first is the newest. */
const namedSecrets = z
  .string()
  .min(1)
  .transform((text, ctx) => {
    const pairs = text.split(',').map((pair) => {
      const at = pair.indexOf(':');
      return { id: pair.slice(0, at).trim(), secret: pair.slice(at + 1).trim() };
    });
    if (pairs.some(({ id, secret }) => id === '' || secret === '')) {
      ctx.addIssue({ code: 'custom', message: 'write it as id:secret, several separated by commas' });
      return z.NEVER;
    }
    return pairs;
  });

/** `provisioning,accounts`: names of task queues, each once. */
const queueNames = z
  .string()
  .default(QUEUE_NAMES.join(','))
  .transform((text, ctx): QueueName[] => {
    const names = [...new Set(text.split(',').map((name) => name.trim()))];
    const known = QUEUE_NAMES.filter((name) => names.includes(name));
    if (known.length === names.length) return known;
    ctx.addIssue({ code: 'custom', message: `name some of ${QUEUE_NAMES.join(', ')}, separated by commas` });
    return z.NEVER;
  });

const settings = {
  /** PostgreSQL of the Admin DB. */
  ADMIN_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  /** Connections to the Admin DB that a process of each kind holds at most; together they stay below the server's limit. */
  API_DB_POOL: poolSize.default(ROLES.intake.pool),
  RELAY_DB_POOL: poolSize.default(ROLES.relay.pool),
  WORKER_DB_POOL: poolSize.default(ROLES.worker.pool),
  /** `kid:base64 of 32 bytes`, several separated by commas; the first seals. */
  ALTA_VAULT_KEYS: z.string().min(1),
  /** Keys of the payloads' encryption in Temporal, in the form of `ALTA_VAULT_KEYS`. Needed in production; without them payloads are plain. */
  ALTA_CODEC_KEYS: z.string().min(1).optional(),
  /**
   * What becomes of payloads that are not encrypted: `refuse` (the default in production), `accept` (else), or `write`: accept, and
   * write them still, while not every process has the keys yet. See docs/keys.md.
   */
  ALTA_CODEC_PLAINTEXT: z.enum(['refuse', 'accept', 'write']).optional(),
  /** Of the Temporal profile (`adapters/temporal/profile.ts`), like the namespace: the same for client, worker and links. */
  TEMPORAL_ADDRESS: z.string(),
  TEMPORAL_NAMESPACE: z.string(),
  /** `name:token` of those who may read payloads in the Temporal Web UI; without it the API has no codec endpoint. */
  ALTA_OPERATOR_TOKENS: namedSecrets
    .refine((pairs) => pairs.every(({ secret }) => secret.length >= 20), 'a token has at least 20 characters')
    .optional(),
  /** Further origins that may ask the codec endpoint, separated by commas; the Web UI's own is allowed anyway. */
  ALTA_CODEC_ORIGINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
    )
    .pipe(z.array(z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).origin))),
  /** Put in front of every task queue's name. */
  ALTA_QUEUE_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]*$/)
    .default(''),
  /** The task queues that a worker process serves; all of them unless told otherwise. */
  ALTA_WORKER_QUEUES: queueNames,
  /** How long running activities get to end after SIGTERM, ms; then they are cancelled and tried again elsewhere. */
  ALTA_SHUTDOWN_GRACE_MS: milliseconds.default(20_000),
  /** File of the workflow bundle built beforehand (`npm run build:bundle`); production mode refuses to start without it. */
  ALTA_WORKFLOW_BUNDLE: z.string().optional(),
  /** Name under which the versions of this installation's workers stand together; the queue prefix is put in front of it. */
  ALTA_DEPLOYMENT_NAME: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,100}$/)
    .default('alta'),
  /** Version of a worker's code. Set, the worker takes only runs of this version (docs/rollout.md); unset, it takes every run. */
  ALTA_BUILD_ID: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,100}$/)
    .optional(),
  /** Address of the Temporal Web UI, for links. */
  TEMPORAL_UI_URL: z.url().optional(),
  MP_BASE_URL: z.url().default('https://api.mercadopago.com'),
  /** Access token of the platform's own Mercado Pago account, which collects the onboarding payments. */
  MP_ACCESS_TOKEN: z.string().min(1),
  /** The collector that must have received a payment. */
  MP_COLLECTOR_ID: z.string().regex(/^\d+$/),
  /** Whether payments must be live (true) or test (false) ones. */
  MP_LIVE_MODE: flag,
  MP_CLIENT_ID: z.string().optional(),
  MP_CLIENT_SECRET: z.string().optional(),
  /** Where sellers agree that their stores may sell through Mercado Pago. */
  MP_AUTH_URL: z.url().default('https://auth.mercadopago.com'),
  /** How long a link to agree on may be used, seconds. */
  MP_CONSENT_SECONDS: z.coerce
    .number()
    .int()
    .positive()
    .default(3 * 86_400),
  MP_WEBHOOK_SECRETS: namedSecrets,
  /** Oldest signature time that is accepted (decision 1: genuine retries come days later). */
  WEBHOOK_MAX_AGE_MS: milliseconds.default(10 * 24 * 3_600_000),
  WEBHOOK_MAX_FUTURE_MS: milliseconds.default(10 * 60_000),
  /** Where Mercado Pago reaches this API from outside. */
  PUBLIC_URL: z.url().default('http://127.0.0.1:8080'),
  API_HOST: z.string().default('127.0.0.1'),
  API_PORT: port.default(8080),
  /** Where the worker's probes listen; 0.0.0.0 in a container, whose orchestrator asks from outside. */
  WORKER_PROBE_HOST: z.string().default('127.0.0.1'),
  WORKER_PROBE_PORT: port.default(0),
  RELAY_PROBE_HOST: z.string().default('127.0.0.1'),
  RELAY_PROBE_PORT: port.default(0),
  /** Where each process serves its Prometheus metrics: never a public address. */
  METRICS_HOST: z.string().default('127.0.0.1'),
  /** Not set: no metrics; 0: any free port, which the process' ready line names. */
  METRICS_PORT: port.optional(),
  /** OTLP over HTTP: the base address of a trace collector. Not set: nothing is traced, at no cost. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
  /** Where alerts are posted as `{"text": ...}`, such as a Slack webhook. Not set: they stay in the log. */
  ALERT_WEBHOOK_URL: z.url().optional(),
  /** The same alert about the same account or cluster is sent once in this time. */
  ALERT_WINDOW_MS: milliseconds.default(15 * 60_000),
  RELAY_POLL_MAX_MS: milliseconds.max(1_000).default(200),
  RELAY_LEASE_SECONDS: z.coerce.number().int().positive().default(300),
  RELAY_BATCH: z.coerce.number().int().positive().max(500).default(50),
  /** How often `/v1/payments/search` is read for payments whose webhook never came (law 1), seconds. */
  PAYMENT_POLL_SECONDS: z.coerce.number().int().min(20).default(300),
  /** How far back the first poll of an installation looks, seconds. */
  PAYMENT_POLL_LOOKBACK_SECONDS: z.coerce
    .number()
    .int()
    .positive()
    .default(7 * 86_400),
  /** How often reservations that ran out are given back, seconds. */
  EXPIRY_SECONDS: z.coerce.number().int().min(20).default(300),
  /** How often it is looked for sellers' tokens that have to be refreshed, seconds. */
  CREDENTIALS_SECONDS: z.coerce.number().int().min(20).default(3_600),
  /** How often it is looked for accounts whose due date nobody acted on; each account's workflow waits for its own dates. */
  DUE_DATES_SECONDS: z.coerce.number().int().min(20).default(3_600),
  SLUG_RESERVATION_SECONDS: z.coerce.number().int().positive().default(86_400),
  PLACEMENT_SECONDS: z.coerce.number().int().positive().default(86_400),
  CLUSTER_TIMEOUT_MS: milliseconds.default(10_000),
  MP_TIMEOUT_MS: milliseconds.default(10_000),
  /** Whether the API also serves the minimal shop (`POST /stores/:slug/checkout`): a stand-in for a shop runtime, off in production. */
  ALTA_STOREFRONT: flag.default(false),
  SMTP_URL: z.url().optional(),
  MAIL_FROM: z.string().default('Alta <no-reply@example.com>'),
  /** Where the set-your-password link leads; `{slug}` is replaced. */
  STORE_URL: z.string().default('https://{slug}.example.com'),
  /** Rules of new onboardings, as JSON; see `contract/onboarding.ts`. */
  ALTA_ONBOARDING_POLICY: json.pipe(onboardingPolicySchema),
  /** Rules of new refunds, as JSON; see `contract/refund.ts`. */
  ALTA_REFUND_POLICY: json.pipe(refundPolicySchema),
  /** Rules of new runs about a seller's consent, as JSON; see `contract/credentials.ts`. */
  ALTA_CREDENTIALS_POLICY: json.pipe(credentialsPolicySchema),
  /** What becomes of the money of an onboarding that ended without a store (decision 5). */
  REFUND_ON_FAILURE: z.enum(REFUND_RULES).optional(),
  /** What a plan or add-on change does that would leave a store over its limits. */
  ALTA_DOWNGRADE_POLICY: z.enum(DOWNGRADE_POLICIES).default('keep'),
  /** What an unpaid due date brings and when, as JSON; see `contract/dunning.ts`. */
  ALTA_DUNNING_POLICY: json.pipe(dunningPolicySchema),
  /**
   * Where a store is kept before it is deleted: `file:///absolute/folder`, or `cluster://<cluster id>/<bucket>` for a private bucket of a
   * registered cluster. Not set: no store can be deleted.
   */
  ALTA_ARCHIVES: archivePlaceSchema.optional(),
  /** How long a deleted store may be brought back, days. */
  ALTA_RETENTION_DAYS: z.coerce.number().int().positive().max(3_650).default(30),
  ON_EXHAUSTED: z.enum(['park', 'compensate']).optional(),
  ALTA_FAST_PATH: flag.optional(),
  NODE_ENV: z.string().default('production'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
};

/** The name of every setting. */
export const SETTINGS: readonly string[] = Object.keys(settings);

const configSchema = z.object(settings);
export type Config = z.infer<typeof configSchema> & {
  /** How Temporal is reached, TLS and API key included. Made of the TEMPORAL_* settings, not one itself. */
  TEMPORAL_CONNECTION: TemporalConnection;
};

/**
 * Reads and checks the settings once, at the start of a process (P-617). Throws CONFIG_INVALID that names every bad variable
 * and what it should be, never its value. Besides `env` it reads only the files that the Temporal profile names.
 */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const profile = temporalProfile(env);
  const { namespace, connection } = isAltaError(profile) ? { namespace: '', connection: { address: '' } } : profile;
  const parsed = configSchema.safeParse({ ...present, TEMPORAL_ADDRESS: connection.address, TEMPORAL_NAMESPACE: namespace });
  if (!parsed.success || isAltaError(profile)) {
    const faults = (parsed.error?.issues ?? []).map((issue) => {
      const name = String(issue.path[0]);
      return `${name}: ${present[name] === undefined ? 'is missing' : issue.message}`;
    });
    throw new AltaError('CONFIG_INVALID', [...new Set(faults), ...(isAltaError(profile) ? [profile.message] : [])].join('; '));
  }
  const config: Config = { ...parsed.data, TEMPORAL_CONNECTION: connection };
  if (config.NODE_ENV === 'production' && config.ALTA_CODEC_KEYS === undefined) {
    throw new AltaError('CONFIG_INVALID', 'ALTA_CODEC_KEYS: is missing; in production no payload may lie in Temporal unencrypted');
  }
  if (config.ON_EXHAUSTED !== undefined) config.ALTA_ONBOARDING_POLICY.onExhausted = config.ON_EXHAUSTED;
  if (config.REFUND_ON_FAILURE !== undefined) config.ALTA_ONBOARDING_POLICY.refundOnFailure = config.REFUND_ON_FAILURE;
  if (config.ALTA_FAST_PATH !== undefined) config.ALTA_ONBOARDING_POLICY.fastPath = config.ALTA_FAST_PATH;
  return config;
}

export interface SettingFault {
  name: string;
  /** What is wrong with it, without its value; null when it is well. */
  fault: string | null;
  given: boolean;
}

/** Every setting by name, and whether it is well: what `loadConfig` would refuse, one by one. */
export function settingFaults(env: Readonly<Record<string, string | undefined>>): SettingFault[] {
  const profile = temporalProfile({ ...env });
  const own = Object.entries(settings).filter(([name]) => !name.startsWith('TEMPORAL_') || name === 'TEMPORAL_UI_URL');
  const found = own.map(([name, schema]) => {
    const value = env[name] === '' ? undefined : env[name];
    const parsed = schema.safeParse(value);
    const fault = parsed.success ? null : value === undefined ? 'is missing' : (parsed.error.issues[0]?.message ?? 'is not valid');
    return { name, fault, given: value !== undefined };
  });
  const given = Object.keys(env).some((name) => name.startsWith('TEMPORAL_') && name !== 'TEMPORAL_UI_URL' && env[name]);
  return [...found, { name: 'TEMPORAL_*', fault: isAltaError(profile) ? profile.message : null, given }];
}

/** All faults of the settings are told at once, so this one is kept for later. */
function temporalProfile(env: Record<string, string | undefined>): TemporalProfile | AltaError {
  try {
    return readTemporalProfile(env);
  } catch (error) {
    if (isAltaError(error)) return error;
    throw error;
  }
}
