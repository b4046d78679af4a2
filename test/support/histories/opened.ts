import type { PayloadCodec } from '@temporalio/common';
import { ENCRYPTED } from '../../../adapters/temporal/index.ts';

interface WrittenPayload {
  metadata: Record<string, string>;
  data?: string;
}

const SEALED = Buffer.from(ENCRYPTED).toString('base64');
const isSealed = (value: object): value is WrittenPayload =>
  'metadata' in value && (value.metadata as Record<string, unknown> | null)?.['encoding'] === SEALED;

/** A history's text with every payload of it opened, as the processes that have the keys see it. Throws the codec's codes. */
export async function openedText(text: string, codec: PayloadCodec): Promise<string> {
  return JSON.stringify(await openedValue(JSON.parse(text), codec));
}

async function openedValue(value: unknown, codec: PayloadCodec): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map((item) => openedValue(item, codec)));
  if (typeof value !== 'object' || value === null) return value;
  if (isSealed(value)) return openedPayload(value, codec);
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([name, item]) => [name, await openedValue(item, codec)])));
}

async function openedPayload({ metadata, data = '' }: WrittenPayload, codec: PayloadCodec): Promise<WrittenPayload> {
  const bytes = Object.entries(metadata).map(([name, field]) => [name, Buffer.from(field, 'base64')] as const);
  const [payload] = await codec.decode([{ metadata: Object.fromEntries(bytes), data: Buffer.from(data, 'base64') }]);
  return {
    metadata: Object.fromEntries(
      Object.entries(payload!.metadata ?? {}).map(([name, field]) => [name, Buffer.from(field).toString('base64')]),
    ),
    data: Buffer.from(payload!.data ?? new Uint8Array()).toString('base64'),
  };
}
