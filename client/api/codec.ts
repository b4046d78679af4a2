import cors from '@fastify/cors';
import type { PayloadCodec } from '@temporalio/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { dataConverter, isSealed } from '../../adapters/temporal/index.ts';
import { AltaError, isAltaError } from '../../contract/errors.ts';
import type { ApiDeps } from './deps.ts';
import { invalidInput } from './errors.ts';
import { operatorGate } from './operators.ts';

/** Longest body, bytes: above what Temporal lets one event hold. */
const BODY_LIMIT = 4 * 1024 * 1024;
/** Requests a minute from one address: the Web UI sends one for each part of a page. */
const RATE_PER_MINUTE = 600;

/** Payloads in protobuf's JSON form: bytes are base64. */
const payloadSchema = z.looseObject({ metadata: z.record(z.string(), z.base64()).optional(), data: z.base64().optional() });
const bodySchema = z.object({ payloads: z.array(payloadSchema).max(5_000) });
type WrittenPayload = z.infer<typeof payloadSchema>;

/**
 * The codec endpoint of the Temporal Web UI: `POST /codec/decode` opens payloads for operators, and there is no encode, so that nobody
 * can make one here. `GET /codec` signs a browser in: it asks for name and token and sends them along from then on, once the Web UI's
 * codec setting "include cross-origin credentials" is on. A bearer token would need the Web UI's own sign-in and its identity provider.
 *
 * Origins: the Web UI's, and those of ALTA_CODEC_ORIGINS. Without operator tokens or codec keys there are no such routes. Nothing of a
 * payload is logged. Errors: UNAUTHORIZED, INPUT_INVALID, BODY_TOO_LARGE, RATE_LIMITED.
 */
export async function codecRoutes(app: FastifyInstance, { config, log }: ApiDeps): Promise<void> {
  const [codec] = dataConverter(config).payloadCodecs ?? [];
  if (codec === undefined || config.ALTA_OPERATOR_TOKENS === undefined) return;
  const operatorOf = operatorGate(config.ALTA_OPERATOR_TOKENS);
  const origins = [...(config.TEMPORAL_UI_URL === undefined ? [] : [new URL(config.TEMPORAL_UI_URL).origin]), ...config.ALTA_CODEC_ORIGINS];

  await app.register(cors, {
    origin: origins,
    methods: ['POST'],
    allowedHeaders: ['authorization', 'content-type', 'x-namespace'],
    credentials: true,
    maxAge: 600,
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    void reply.header('cache-control', 'no-store');
    done();
  });

  const options = { schema: { hide: true }, config: { rateLimit: { max: RATE_PER_MINUTE, timeWindow: 60_000 } } };
  app.get('/codec', options, (request, reply) => `Signed in as ${operatorOf(request, reply)}. Go back to the Temporal Web UI.\n`);

  app.post('/codec/decode', {
    ...options,
    bodyLimit: BODY_LIMIT,
    // Before the body is read, and after the rate limit: whoever guesses tokens is counted.
    preParsing: (request, reply, body, done) => {
      operatorOf(request, reply);
      done(null, body);
    },
    handler: async (request, reply) => {
      const namespace = namespaceOf(request);
      if (namespace !== config.TEMPORAL_NAMESPACE) {
        throw new AltaError('INPUT_INVALID', 'x-namespace: payloads of this namespace are not ours', { details: { field: 'x-namespace' } });
      }
      const parsed = bodySchema.safeParse(request.body);
      if (!parsed.success) throw invalidInput(parsed.error);
      const payloads = await Promise.all(parsed.data.payloads.map((payload) => openedPayload(codec, payload)));
      log.info({ operator: operatorOf(request, reply), payloads: payloads.length }, 'payloads were opened for an operator');
      return { payloads };
    },
  });
}

const namespaceOf = ({ headers }: FastifyRequest): string | undefined => {
  const value = headers['x-namespace'];
  return Array.isArray(value) ? undefined : value;
};

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A payload in plain passes as it is: Temporal writes some of its own. One that does not open says why, in its place. */
async function openedPayload(codec: PayloadCodec, written: WrittenPayload): Promise<WrittenPayload> {
  const metadata = Object.fromEntries(Object.entries(written.metadata ?? {}).map(([name, text]) => [name, Buffer.from(text, 'base64')]));
  const payload = { metadata, data: Buffer.from(written.data ?? '', 'base64') };
  if (!isSealed(payload)) return written;
  try {
    const [opened] = await codec.decode([payload]);
    return {
      metadata: Object.fromEntries(Object.entries(opened?.metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)])),
      data: base64(opened?.data ?? new Uint8Array()),
    };
  } catch (error) {
    if (!isAltaError(error)) throw error;
    const note = JSON.stringify(`not opened: ${error.code}: ${error.message}`);
    return { metadata: { encoding: base64(Buffer.from('json/plain')) }, data: base64(Buffer.from(note)) };
  }
}
