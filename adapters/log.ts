import { trace } from '@opentelemetry/api';
import { AsyncLocalStorage } from 'node:async_hooks';
import { type DestinationStream, pino, type Logger, stdSerializers } from 'pino';
import { isAltaError } from '../contract/errors.ts';
import type { AlertLine, Alerts } from './alerts.ts';
import { hideValues, redact } from './scrub.ts';

export type { Logger } from 'pino';

const SECRET_NAMES = [
  'authorization',
  'apikey',
  'apiKey',
  'access_token',
  'accessToken',
  'refresh_token',
  'refreshToken',
  'client_secret',
  'clientSecret',
  'password',
  'secret',
  'token',
  'serviceKey',
  'service_role_key',
  'mp_access_token',
  'cookie',
];

/**
 * What a log line tells of an error: its kind, code, message and stack, no known shape of a secret in them. Headers, configs,
 * requests and bodies are dropped.
 */
function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { type, message, stack } = stdSerializers.err(error);
  const code = isAltaError(error) ? error.code : (error as { code?: unknown }).code;
  return { type, message: redact(message), stack: redact(stack), ...(typeof code === 'string' ? { code } : {}) };
}

/** What a line is about, as far as it is known (P-614). */
export interface LogFields {
  accountId?: string;
  jobId?: string;
  workflowId?: string;
  clusterId?: string;
  activity?: string;
  step?: string;
  attempt?: number;
  outboxId?: string;
  eventKey?: string;
}
const about = new AsyncLocalStorage<LogFields>();

/** Every line that is logged while `act` runs carries these fields, whoever logs it; what a line says itself counts more. */
export const withLogFields = <T>(fields: LogFields, act: () => T): T => about.run({ ...about.getStore(), ...fields }, act);

/** What the lines that are logged right now are about. */
export const currentLogFields = (): Readonly<LogFields> => about.getStore() ?? {};

function surroundings(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return { ...about.getStore(), ...(span === undefined ? {} : { traceId: span.traceId }) };
}

/** A structured logger whose lines carry the process' name and no secret. They go to standard output unless told otherwise. */
export function createLogger(name: string, level = process.env['LOG_LEVEL'] || 'info', destination?: DestinationStream): Logger {
  const options = {
    name,
    level,
    mixin: surroundings,
    serializers: { err: serializeError, error: serializeError },
    redact: { paths: SECRET_NAMES.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]), censor: '[redacted]' },
  };
  const inner = destination ?? pino.destination({ fd: 1, sync: true });
  return pino(options, {
    write(line) {
      inner.write(hideValues(line));
    },
  });
}

/** Passes lines on, and those with an `alert` to `alerts` as well: clean already, with all that is known about them. */
export const alerting = (alerts: Pick<Alerts, 'take'>, destination: DestinationStream): DestinationStream => ({
  write(line) {
    destination.write(line);
    if (line.includes('"alert":')) alerts.take(JSON.parse(line) as AlertLine);
  },
});
