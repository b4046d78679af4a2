import { type DestinationStream, pino, type Logger, stdSerializers } from 'pino';
import { isAltaError } from '../contract/errors.ts';
import { redact } from './scrub.ts';

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

/** A structured logger whose lines carry the process' name and no secret. They go to standard output unless told otherwise. */
export function createLogger(name: string, level = process.env['LOG_LEVEL'] ?? 'info', destination?: DestinationStream): Logger {
  const options = {
    name,
    level,
    serializers: { err: serializeError, error: serializeError },
    redact: { paths: SECRET_NAMES.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]), censor: '[redacted]' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
