import proto from '@temporalio/proto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HistoryPath } from './paths.ts';

/** Where the committed histories are: `<workflow>.<path>.<SDK version>.json`, one event a line. */
export const HISTORIES = fileURLToPath(new URL('../../histories', import.meta.url));

/** The version of the SDK that this checkout records with. */
export const SDK_VERSION = (createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string }).version;

// Not the SDK's historyToJSON: with more than one copy of protobufjs installed, as @grpc/proto-loader brings about, it refuses its own types.
const { History } = proto.temporal.api.history.v1;
export type History = proto.temporal.api.history.v1.IHistory;

/** Fields that tell of the machine and not of the run; a replay reads none of them. */
const MACHINE_FIELDS = new Set(['identity', 'stackTrace', 'taskId', 'requestId', 'historySizeBytes']);

/** A history in protobuf's plain form, whole: 64-bit numbers and enums as text, bytes in base64. */
export const wholeHistory = (history: History): { events: object[] } =>
  History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String }) as { events: object[] };

interface WrittenPayload {
  metadata: { encoding: string };
  data: string;
}

/** What a failure converter put into a payload, without the stack. What is encrypted was emptied before (`emptySealedStacks`). */
function withoutStack(payload: WrittenPayload): WrittenPayload {
  if (Buffer.from(payload.metadata.encoding, 'base64').toString() !== 'json/plain') return payload;
  const attributes = JSON.parse(Buffer.from(payload.data, 'base64').toString('utf8')) as object;
  return { ...payload, data: Buffer.from(JSON.stringify({ ...attributes, stack_trace: '' })).toString('base64') };
}

/** A history as the corpus keeps it: one event a line, nothing of the machine in it. */
export function historyText(history: History): string {
  const withoutMachine = (key: string, value: unknown): unknown => {
    if (MACHINE_FIELDS.has(key)) return undefined;
    if (key === 'encodedAttributes' && value) return withoutStack(value as WrittenPayload);
    // Base64 may hold a short host name by chance.
    return typeof value === 'string' && key !== 'data' ? value.replaceAll(hostname(), 'recorder') : value;
  };
  const lines = wholeHistory(history).events.map((event) => JSON.stringify(event, withoutMachine));
  return `{"events":[\n${lines.join(',\n')}\n]}\n`;
}

/** Writes a history to the corpus, without what is known of the machine that recorded it. */
export const saveHistory = (path: HistoryPath, history: History): void =>
  writeFileSync(join(HISTORIES, `${path}.${SDK_VERSION}.json`), historyText(history));

/** The names of the corpus' files, sorted. */
export const historyFiles = (): string[] =>
  readdirSync(HISTORIES)
    .filter((name) => name.endsWith('.json'))
    .sort();

/** The text of a history of the corpus. */
export const readHistoryText = (file: string): string => readFileSync(join(HISTORIES, file), 'utf8');

/** A history's text as a replay takes it. */
export const parseHistory = (text: string): History => History.fromObject(JSON.parse(text) as object);

/** Every payload of a history's text, decoded: what its workflows and activities said to each other. */
export function payloadsOf(text: string): string[] {
  const found: string[] = [];
  JSON.parse(text, (key, value: unknown) => {
    if (key === 'data' && typeof value === 'string') found.push(Buffer.from(value, 'base64').toString('utf8'));
    return value;
  });
  return found;
}
