import { AsyncLocalStorage } from 'node:async_hooks';
import { currentSignal } from '../signal.ts';

/** What the last HTTP answer of one call really was: supabase-js drops headers and reports some failures as success. */
export interface Exchange {
  /** HTTP status; 0 while nothing was answered. */
  status: number;
  /** Wait that the answer asked for in Retry-After, ms. */
  retryAfterMs: number | undefined;
}

const exchange = new AsyncLocalStorage<Exchange>();

/** Runs one call and keeps what its HTTP answer was in `record`. */
export const recording = <T>(record: Exchange, act: () => Promise<T>): Promise<T> => exchange.run(record, act);

/** Retry-After in milliseconds: seconds or an HTTP date; undefined when absent or unreadable. */
export function parseRetryAfter(value: string | null, now = Date.now()): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.round(seconds * 1_000) : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The key that calls are made with; it may change while a client lives. */
export interface KeyHolder {
  serviceKey: string;
}

/**
 * The fetch under every cluster client. It limits headers and body together by one timeout, ends with the caller's signal, uses
 * Node's keep-alive connections, refuses redirects, and notes status and Retry-After. On 401 it asks `renew` once for a key that
 * changed meanwhile and repeats the request with it: a refused request did nothing, so repeating is safe.
 */
export function createFetch(holder: KeyHolder, timeoutMs: number, renew: () => Promise<boolean>): typeof fetch {
  const send = async (input: Parameters<typeof fetch>[0], init: RequestInit | undefined): Promise<Response> => {
    const headers = new Headers(init?.headers);
    headers.set('apikey', holder.serviceKey);
    headers.set('authorization', `Bearer ${holder.serviceKey}`);
    const signals = [AbortSignal.timeout(timeoutMs), init?.signal, currentSignal()];
    const signal = AbortSignal.any(signals.filter((one): one is AbortSignal => one instanceof AbortSignal));
    const response = await fetch(input, { ...init, headers, signal, redirect: 'error' });
    const record = exchange.getStore();
    if (record) {
      record.status = response.status;
      record.retryAfterMs = parseRetryAfter(response.headers.get('retry-after'));
    }
    return response;
  };
  return async (input, init) => {
    const response = await send(input, init);
    if (response.status !== 401 || !(await renew())) return response;
    await response.body?.cancel();
    return send(input, init);
  };
}
