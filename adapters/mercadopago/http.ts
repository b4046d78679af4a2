import type { z } from 'zod';
import { isAltaError } from '../../contract/errors.ts';
import { currentSignal } from '../signal.ts';
import { type Act, badAnswer, noAnswer, refusal } from './errors.ts';
import { parseJson } from './json.ts';

/** Largest answer that is read, in bytes; a payment has about 8 KiB, a page of 50 found payments about 400 KiB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface Call<S extends z.ZodType> extends Act {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly query?: Record<string, string | undefined>;
  readonly body?: unknown;
  /** Bearer token; left out for `/oauth/token`, which wants no extra headers. */
  readonly token?: string;
  readonly idempotencyKey?: string;
  readonly schema: S;
  /** Ends the call; left out, the signal of the activity that makes it does. */
  readonly signal?: AbortSignal | undefined;
}

export type Send = <S extends z.ZodType>(call: Call<S>) => Promise<z.output<S>>;

/** Reads a body up to the cap; the connection is dropped beyond it. */
async function readBody(act: Act, response: Response): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw badAnswer(act, `more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The system's word for a failed connection, such as ECONNRESET; fetch hides it in the cause. No `instanceof`: errors cross realms. */
function reasonOf(error: unknown): string {
  const code = (error as { cause?: { code?: unknown } } | undefined)?.cause?.code;
  return typeof code === 'string' ? code : 'connection failed';
}

/**
 * One HTTP exchange with Mercado Pago over the kept-alive connections of Node's fetch: no hidden retry, no redirect, one timeout
 * over headers *and* body. A call that the caller's signal ends throws that signal's own reason, so that Temporal's cancellation
 * stays recognisable; every other failure is an AltaError (`adapters/mercadopago/errors.ts`).
 */
export function createSend(baseUrl: string, timeoutMs: number): Send {
  const base = baseUrl.replace(/\/+$/, '');
  return async (call) => {
    const caller = call.signal ?? currentSignal();
    caller?.throwIfAborted();
    const url = new URL(base + call.path);
    for (const [key, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(key, value);
    const timeout = AbortSignal.timeout(timeoutMs);
    let status: number;
    let headers: Headers;
    let text: string;
    try {
      const response = await fetch(url, {
        method: call.method,
        redirect: 'manual',
        signal: caller === undefined ? timeout : AbortSignal.any([timeout, caller]),
        headers: {
          accept: 'application/json',
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
          ...(call.idempotencyKey === undefined ? {} : { 'x-idempotency-key': call.idempotencyKey }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      });
      ({ status, headers } = response);
      text = await readBody(call, response);
    } catch (error) {
      if (isAltaError(error)) throw error;
      if (caller?.aborted === true) throw caller.reason;
      if (timeout.aborted) throw noAnswer(call, `timeout after ${timeoutMs} ms`);
      throw noAnswer(call, reasonOf(error), error);
    }
    if (status < 200 || status > 299) throw refusal(call, status, headers, text);
    let json: unknown;
    try {
      json = parseJson(text);
    } catch {
      throw badAnswer(call, `HTTP ${status} and no JSON`);
    }
    const parsed = call.schema.safeParse(json);
    if (!parsed.success) {
      const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole body');
      throw badAnswer(call, `HTTP ${status} and unusable fields: ${[...new Set(fields)].slice(0, 8).join(', ')}`);
    }
    return parsed.data;
  };
}
