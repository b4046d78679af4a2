import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { accountWorkflowId, credentialsWorkflowId, onboardingWorkflowId } from '../../contract/ids.ts';
import { isSealed } from '../../adapters/temporal/index.ts';

/** Events of a run that are told, the last ones. */
const TOLD = 8;

/**
 * What Temporal has of an account whose case came out wrong, for people, since its server ends with the suite: the last events of each run
 * with the messages of their failures, and where a payload is that is not encrypted.
 */
export async function evidenceOf(temporal: Client, accountId: string): Promise<string> {
  const ids = [onboardingWorkflowId(accountId), accountWorkflowId(accountId), credentialsWorkflowId(accountId, 'refresh')];
  const told = await Promise.all(ids.map((workflowId) => runOf(temporal, workflowId).catch(() => undefined)));
  return told.filter((text) => text !== undefined).join('; ');
}

async function runOf(temporal: Client, workflowId: string): Promise<string> {
  const { events } = await temporal.workflow.getHandle(workflowId).fetchHistory();
  const lines = (events ?? []).map((event) => {
    const [kind = 'event', attributes] = Object.entries(event).find(([name, value]) => name.endsWith('Attributes') && value) ?? [];
    const failure = (attributes as { failure?: { message?: string } } | undefined)?.failure?.message;
    return {
      text: `${String(event.eventId)} ${kind.replace(/EventAttributes$/, '')}${failure === undefined ? '' : ` (${failure})`}`,
      plain: plainIn(attributes, kind),
    };
  });
  const plain = lines.flatMap((line) => line.plain.map((path) => `${line.text}: ${path}`));
  const last = lines.slice(-TOLD).map(({ text }) => text);
  return `${workflowId}: ${last.join(', ')}; ${plain.length === 0 ? 'nothing plain' : `not encrypted: ${plain.join(', ')}`}`;
}

/** What is never encrypted: search attributes, and the marks by which the SDK knows patches. */
const ALWAYS_PLAIN = new Set(['searchAttributes', 'markerRecordedEventAttributes']);

/** Paths of the payloads in a message that are not in the codec's form. */
function plainIn(message: unknown, path: string): string[] {
  if (typeof message !== 'object' || message === null || ArrayBuffer.isView(message) || ALWAYS_PLAIN.has(path.split('.').at(-1)!))
    return [];
  const payload = message as Payload;
  if (payload.metadata) return isSealed(payload) ? [] : [path];
  return Object.entries(message).flatMap(([name, part]) => plainIn(part, `${path}.${name}`));
}
