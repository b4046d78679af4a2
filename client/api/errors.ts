import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Logger } from '../../adapters/log.ts';
import { AltaError, errorRow, isAltaError } from '../../contract/errors.ts';

/** What every refused or failed request is answered with. `field` names the bad field as a dotted path. */
export interface ErrorAnswer {
  code: string;
  message: string;
  field?: string;
  hint: string;
}

/** Turns a schema's findings into INPUT_INVALID that names the first bad field. */
export function invalidInput(error: z.ZodError): AltaError {
  const issue = error.issues[0];
  const unknownKey = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknownKey === undefined ? [] : [unknownKey])].map(String).join('.');
  const field = path === '' ? 'body' : path;
  return new AltaError('INPUT_INVALID', `${field}: ${issue?.message ?? 'is not valid'}`, { details: { field } });
}

/** Gives what was thrown a code of the error table; Fastify's own refusals are told by their status. */
export function toAltaError(error: unknown): AltaError {
  if (isAltaError(error)) return error;
  const { statusCode, message } = error as Partial<FastifyError>;
  if (statusCode === 413) return new AltaError('BODY_TOO_LARGE', 'the body is longer than this route accepts', { cause: error });
  if (statusCode === 429) return new AltaError('RATE_LIMITED', 'too many requests', { cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new AltaError('INPUT_INVALID', `body: ${message ?? 'cannot be read'}`, { cause: error, details: { field: 'body' } });
  }
  return new AltaError('INTERNAL', 'unforeseen failure', { cause: error });
}

/** Seconds to wait, as the `Retry-After` header wants them. */
const retryAfter = (ms: number): string => String(Math.max(1, Math.ceil(ms / 1_000)));
const DEFAULT_RETRY_MS = 5_000;

/** Answers an error from the table. Causes and stacks go to the log; of a failure of ours the caller sees only the code. */
export function answerError(log: Logger) {
  return async (thrown: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const error = toAltaError(thrown);
    const { http, hint, retryable } = errorRow(error.code);
    const line = { code: error.code, route: request.routeOptions.url, requestId: request.id };
    if (http >= 500) log.error({ ...line, err: error }, 'request failed');
    // No stack: whoever forges requests must not fill the disk.
    else log.info({ ...line, reason: error.message.slice(0, 200) }, 'request refused');
    if (http === 503 || (http === 429 && reply.getHeader('retry-after') === undefined)) {
      void reply.header('retry-after', retryAfter(error.retryAfterMs ?? DEFAULT_RETRY_MS));
    }
    const field = error.details['field'];
    const answer: ErrorAnswer = {
      code: error.code,
      message:
        http < 500 ? error.message : retryable ? 'The service cannot do this now; try again later.' : 'The service failed; it was logged.',
      ...(typeof field === 'string' ? { field } : {}),
      hint,
    };
    await reply.code(http).send(answer);
  };
}
