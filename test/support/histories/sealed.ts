import type { Payload } from '@temporalio/common';
import { dataConverter } from '../../../adapters/temporal/index.ts';
import type { History } from './files.ts';

/**
 * The key of the histories whose payloads are encrypted. A test fixture, published beside what it sealed: it protects nothing and
 * must be used for nothing else.
 */
export const FIXTURE_CODEC_KEYS = `fixture:${Buffer.alloc(32, 'test fixture, protects nothing').toString('base64')}`;

/** Opens those histories as production would: what is not encrypted is refused. The namespace is the one of the tests' Temporal. */
export const sealedConverter = dataConverter({
  ALTA_CODEC_KEYS: FIXTURE_CODEC_KEYS,
  ALTA_CODEC_PLAINTEXT: 'refuse',
  NODE_ENV: 'production',
  TEMPORAL_NAMESPACE: 'default',
});

const codec = sealedConverter.payloadCodecs![0]!;

/** Whether a path, or a file of the corpus, holds encrypted payloads. */
export const isSealedHistory = (name: string): boolean => /-encrypted(?:\.|$)/.test(name);

/**
 * Empties the stacks of failures that are encrypted: they tell where the recorder's files are. Each is sealed again for the workflow that
 * it was sealed for; what has no stack stays as it is.
 */
export async function emptySealedStacks(history: History): Promise<void> {
  for (const payload of encodedAttributesOf(history)) {
    const [opened] = await codec.decode([payload]);
    const attributes = JSON.parse(Buffer.from(opened!.data!).toString('utf8')) as { stack_trace?: string };
    if (!attributes.stack_trace) continue;
    const workflowId = Buffer.from(payload.metadata!['alta-workflow']!).toString('utf8');
    const emptied = { ...opened!, data: Buffer.from(JSON.stringify({ ...attributes, stack_trace: '' })) };
    Object.assign(payload, (await codec.encode([emptied], { type: 'workflow', namespace: 'default', workflowId }))[0]);
  }
}

function encodedAttributesOf(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    name === 'encodedAttributes' && part ? [part as Payload] : encodedAttributesOf(part),
  );
}
