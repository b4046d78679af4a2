import { makeWorkflowExporter, OpenTelemetryActivityInboundInterceptor } from '@temporalio/interceptors-opentelemetry/lib/worker/index.js';
import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker';
import type { OpenTelemetrySinks } from '@temporalio/interceptors-opentelemetry/lib/workflow/definitions.js';
import type { Tracing } from '../adapters/tracing.ts';

/** Continues a run's trace in its activities; none where this process traces nothing. */
export const activityTracing = (tracing: Tracing | undefined): ActivityInterceptorsFactory[] =>
  tracing === undefined ? [] : [(context) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(context) })];

/**
 * Where the spans of workflows leave their isolate, once each: never during a replay. A worker that traces nothing drops the spans of
 * runs that somebody else began to trace.
 */
export const workflowTracing = (tracing: Tracing | undefined): InjectedSinks<OpenTelemetrySinks> => ({
  exporter: tracing === undefined ? { export: { fn: () => undefined } } : makeWorkflowExporter(tracing.processor, tracing.resource),
});
