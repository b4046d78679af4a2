import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes, type Context } from '@opentelemetry/api';
import { isAltaError } from '../contract/errors.ts';

/**
 * Spans of Alta's own. Where no collector is configured nothing is installed behind this interface, and a span is an empty object.
 * Names and attributes are made of routes, steps, states and codes only: never a value that somebody sent.
 */
const tracer = trace.getTracer('alta');

export interface SpanOptions {
  /** The `traceparent` that this goes on with; null or left out: whatever is under way here. */
  parent?: string | null;
  kind?: 'server' | 'consumer' | 'client';
  attributes?: Attributes;
}

const KINDS = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, client: SpanKind.CLIENT } as const;

/** Runs `act` in a span of this name; a failure is told by its code. */
export function traced<T>(name: string, act: () => Promise<T>, { parent, kind, attributes }: SpanOptions = {}): Promise<T> {
  const options = { ...(kind === undefined ? {} : { kind: KINDS[kind] }), ...(attributes === undefined ? {} : { attributes }) };
  return tracer.startActiveSpan(name, options, contextOf(parent), async (span) => {
    try {
      return await act();
    } catch (error) {
      span.setAttribute('alta.code', isAltaError(error) ? error.code : 'INTERNAL').setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Whether something is being traced here; what happens often and means little alone gets a span only then. */
export const isTraced = (): boolean => trace.getActiveSpan() !== undefined;

/** Adds the code of a failure to the span that is under way. */
export const traceCode = (code: string): void => void trace.getActiveSpan()?.setAttribute('alta.code', code);

/** The present span as W3C `traceparent`, to be kept with work that somebody else will do; null when nothing is traced. */
export function traceparent(): string | null {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent ?? null;
}

const contextOf = (parent: string | null | undefined): Context =>
  typeof parent === 'string' ? propagation.extract(ROOT_CONTEXT, { traceparent: parent }) : context.active();
