import type { Client } from '@temporalio/client';
import type { Payload, PayloadCodec } from '@temporalio/common';
import type { Config } from '../../../adapters/config.ts';
import { SECRET_TEXT } from '../../../adapters/scrub.ts';
import { ENCRYPTED } from '../../../adapters/temporal/index.ts';
import { isAltaError } from '../../../contract/errors.ts';
import { QUEUE_NAMES, taskQueue } from '../../../contract/ids.ts';
import { callTemporal } from '../../temporal.ts';
import type { Findings } from './sources.ts';

const SECRET = new RegExp(SECRET_TEXT);
const PAGE = 100;

/**
 * G7: searches the whole history of the newest runs, open and closed, for shapes of secrets: names, failures, memos, search attributes,
 * and payloads, opened. One whose key `temporal` does not have is searched as it is, and the codec's code is noted. Throws TEMPORAL_UNAVAILABLE.
 */
export async function searchHistories(
  temporal: Client,
  config: Pick<Config, 'ALTA_QUEUE_PREFIX'>,
  limit: number,
  { look, violations }: Findings,
): Promise<void> {
  const { payloadCodecs } = temporal.options.loadedDataConverter;
  const open = async (payload: Payload): Promise<Payload> => {
    try {
      return await opened(payload, payloadCodecs);
    } catch (error) {
      if (!isAltaError(error)) throw error;
      look.code = error.code;
      return payload;
    }
  };
  for await (const { workflowId, runId } of newestRuns(temporal, config)) {
    if (look.looked >= limit) {
      look.complete = false;
      return;
    }
    look.looked += 1;
    const events = await eventsWithSecrets(temporal, { workflowId, runId }, open);
    if (events.length === 0) continue;
    const accountId = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(workflowId)?.[0] ?? null;
    const row = `history of ${workflowId}, run ${runId}`;
    violations.push({ law: 'G7', accountId, row, what: `holds what looks like a secret, event ${events.join(', ')}` });
  }
}

async function* newestRuns(temporal: Client, config: Pick<Config, 'ALTA_QUEUE_PREFIX'>): AsyncGenerator<Execution> {
  const queues = QUEUE_NAMES.map((name) => `'${taskQueue(name, config.ALTA_QUEUE_PREFIX)}'`).join(', ');
  const { namespace } = temporal.options;
  const request = { namespace, query: `TaskQueue IN (${queues})`, pageSize: PAGE };
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await callTemporal(temporal, 'temporal.list-runs', () =>
      temporal.workflowService.listWorkflowExecutions({ ...request, ...(nextPageToken === undefined ? {} : { nextPageToken }) }),
    );
    for (const { execution } of page.executions) yield { workflowId: execution?.workflowId ?? '', runId: execution?.runId ?? '' };
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
}

interface Execution {
  workflowId: string;
  runId: string;
}

/** Numbers of the events that hold what looks like a secret; a history that is gone by now holds none. */
async function eventsWithSecrets(temporal: Client, execution: Execution, open: Open): Promise<string[]> {
  const { namespace } = temporal.options;
  const found: string[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await callTemporal(temporal, 'temporal.fetch-history', () =>
      temporal.workflowService.getWorkflowExecutionHistory({
        namespace,
        execution,
        ...(nextPageToken === undefined ? {} : { nextPageToken }),
      }),
    );
    for (const event of page.history?.events ?? []) {
      if (SECRET.test((await textsOf(event, open)).join('\n'))) found.push(String(event.eventId));
    }
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  return found;
}

type Open = (payload: Payload) => Promise<Payload>;

/** Search attributes and the SDK's own markers are never encrypted, and stay as they are. */
async function opened(payload: Payload, codecs: readonly PayloadCodec[]): Promise<Payload> {
  if (Buffer.from(payload.metadata?.['encoding'] ?? new Uint8Array()).toString() !== ENCRYPTED) return payload;
  let payloads = [payload];
  for (const codec of codecs.toReversed()) payloads = await codec.decode(payloads);
  return payloads[0] ?? payload;
}

const isPayload = (value: object): value is Payload => 'metadata' in value && 'data' in value && value.data instanceof Uint8Array;

/** Every text that an event holds, payloads opened. */
async function textsOf(value: unknown, open: Open): Promise<string[]> {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  if (isPayload(value)) {
    return [Buffer.from((await open(value)).data ?? new Uint8Array()).toString('utf8')];
  }
  return (await Promise.all(Object.values(value).map((part) => textsOf(part, open)))).flat();
}
