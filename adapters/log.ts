import { pino, type Logger, stdSerializers } from 'pino';
import { isAltaError } from '../contract/errors.ts';

export type { Logger } from 'pino';

const SECRET_NAMES = [
  'authorization', 'apikey', 'apiKey', 'access_token', 'accessToken', 'refresh_token', 'refreshToken', 'client_secret',
  'clientSecret', 'password', 'secret', 'token', 'serviceKey', 'service_role_key', 'mp_access_token', 'cookie',
];

/** What a log line tells of an error: its kind, code, message and stack. Headers, configs, requests and bodies are dropped. */
function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { type, message, stack } = stdSerializers.err(error);
  const code = isAltaError(error) ? error.code : (error as { code?: unknown }).code;
  return { type, message, stack, ...(typeof code === 'string' ? { code } : {}) };
}

/** A structured logger whose lines carry the process' name and no secret. */
export function createLogger(name: string, level = process.env['LOG_LEVEL'] ?? 'info'): Logger {
  return pino({
    name,
    level,
    serializers: { err: serializeError, error: serializeError },
    redact: { paths: SECRET_NAMES.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]), censor: '[redacted]' },
  });
}
