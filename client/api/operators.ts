import type { FastifyReply, FastifyRequest } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../../adapters/config.ts';
import { AltaError } from '../../contract/errors.ts';

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Lets only operators pass (P-615): `Authorization: Bearer <token>`, or Basic with name and token, which browsers keep by themselves.
 * Gives the operator's name, for the log. Compares hashes, and all of them, so that the time it takes tells nothing. Throws UNAUTHORIZED.
 */
export function operatorGate(tokens: NonNullable<Config['ALTA_OPERATOR_TOKENS']>) {
  const known = tokens.map(({ id, secret }) => ({ name: id, token: hash(secret) }));
  return (request: FastifyRequest, reply: FastifyReply): string => {
    const { name, token } = presented(request.headers.authorization ?? '');
    const given = hash(token);
    const matches = known.filter((one) => timingSafeEqual(one.token, given));
    const operator = matches.find((one) => name === undefined || name === one.name);
    if (operator !== undefined) return operator.name;
    void reply.header('www-authenticate', 'Basic realm="Alta operators", charset="UTF-8"');
    throw new AltaError('UNAUTHORIZED', 'only operators pass here');
  };
}

function presented(header: string): { name?: string; token: string } {
  const [, scheme = '', value = ''] = /^(Bearer|Basic) +(\S+)$/i.exec(header) ?? [];
  if (scheme.toLowerCase() !== 'basic') return { token: value };
  const pair = Buffer.from(value, 'base64').toString();
  const at = pair.indexOf(':');
  return { name: pair.slice(0, Math.max(at, 0)), token: pair.slice(at + 1) };
}
