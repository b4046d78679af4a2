import type { ClientInterceptors } from '@temporalio/client';
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry/lib/client/index.js';
import type { Config } from '../config.ts';

/**
 * What a client of Temporal sends along with its calls: the trace under way, as a header of the run that it starts; nothing where
 * tracing is off. Turn tracing on after the workers were rolled out: a worker that knows of no traces must not begin a traced run.
 */
export const clientTracing = ({ OTEL_EXPORTER_OTLP_ENDPOINT: on }: Pick<Config, 'OTEL_EXPORTER_OTLP_ENDPOINT'>): ClientInterceptors =>
  on === undefined ? {} : { workflow: [new OpenTelemetryWorkflowClientInterceptor()] };
