import {
  Client,
  Connection,
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { effect } from '../adapters/effect.ts';
import type { Config } from '../adapters/config.ts';
import { clientTracing, dataConverter, temporalConnection } from '../adapters/temporal/index.ts';
import { AltaError } from '../contract/errors.ts';

/** Longest time of one call to Temporal, ms: far below the outbox lease, so that a slow call never outlives its claim. */
export const CALL_TIMEOUT_MS = 10_000;

/** gRPC codes that say nothing about the request: cancelled, deadline, exhausted, aborted, unavailable. */
const PUSHBACK_CODES: ReadonlySet<number> = new Set([1, 4, 8, 10, 14]);

export interface TemporalHandle {
  client: Client;
  close(): Promise<void>;
}

/**
 * A client that connects when it is first used, so that a process can start, wait and recover while Temporal is down.
 */
export function connectTemporal(config: Config): TemporalHandle {
  const connection = Connection.lazy({ ...temporalConnection(config), connectTimeout: CALL_TIMEOUT_MS });
  return {
    client: new Client({
      connection,
      namespace: config.TEMPORAL_NAMESPACE,
      dataConverter: dataConverter(config),
      interceptors: clientTracing(config),
    }),
    close: () => connection.close(),
  };
}

const grpcCodeOf = (error: unknown): { code: number; details: string } | undefined => {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? { code: cause.code, details: cause.details } : undefined;
};

/**
 * Whether an error of Temporal means "not now" instead of "not this": pushback, a closing workflow, an unknown outcome, or the
 * 10,001st signal of a run, which the server calls InvalidArgument (facts/temporal.md, section 4).
 */
export function isPushback(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  const grpc = grpcCodeOf(error);
  if (grpc === undefined) return false;
  return PUSHBACK_CODES.has(grpc.code) || (grpc.code === 3 && /signals?\b.*(limit|exceed)|exceed.*signals?\b/i.test(grpc.details));
}

/**
 * Makes one call to Temporal as an effect, with a deadline. Throws TEMPORAL_UNAVAILABLE for pushback and INTERNAL (with the
 * gRPC code) for other failures; "no such workflow" and "already started" are answers, and pass through for the caller to read.
 */
export async function callTemporal<T>(client: Client, name: string, act: () => Promise<T>, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
  try {
    return await effect(name, () => client.withDeadline(Date.now() + timeoutMs, act));
  } catch (error) {
    throw translate(name, error);
  }
}

function translate(name: string, error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError || error instanceof WorkflowExecutionAlreadyStartedError) return error;
  const grpc = grpcCodeOf(error);
  const details = { act: name, grpc: grpc?.code ?? null };
  if (isPushback(error))
    return new AltaError('TEMPORAL_UNAVAILABLE', `Temporal does not take ${name} now${grpc ? ` (gRPC ${String(grpc.code)})` : ''}`, {
      cause: error,
      details,
    });
  if (grpc)
    return new AltaError('INTERNAL', `Temporal refuses ${name} with gRPC ${String(grpc.code)}: ${grpc.details.slice(0, 300)}`, {
      cause: error,
      details,
    });
  return error;
}
