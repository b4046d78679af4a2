import {
  OpenTelemetryInboundInterceptor,
  OpenTelemetryOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry/lib/workflow/index.js';
import { workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';
import { ONBOARDING_WORKFLOW } from '../contract/ids.ts';

/** Under which the client's interceptor sends the trace along. */
const TRACE_HEADER = '_tracer-data';

/**
 * Spans of an onboarding and of what it schedules, in the trace that its start came with. A run that came without one (tracing is
 * off, or it began before) goes through as if this module were not there, so that no history replays differently: what is traced is
 * decided by the history alone. Accounts live for years, and one trace of years helps nobody: they are not traced from within.
 */
export const interceptors = (): WorkflowInterceptors => {
  if (workflowInfo().workflowType !== ONBOARDING_WORKFLOW) return {};
  const inbound = new OpenTelemetryInboundInterceptor();
  const outbound = new OpenTelemetryOutboundInterceptor();
  let traced = false;
  return {
    inbound: [
      {
        execute(input, next) {
          traced = input.headers[TRACE_HEADER] !== undefined;
          return traced ? inbound.execute(input, next) : next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => (traced ? outbound.scheduleActivity(input, next) : next(input)),
        scheduleLocalActivity: (input, next) => (traced ? outbound.scheduleLocalActivity(input, next) : next(input)),
      },
    ],
  };
};
