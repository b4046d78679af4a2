import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import proto from '@temporalio/proto';
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { AltaError } from '../../contract/errors.ts';
import { readKeyRing, type KeyRing } from '../key-ring.ts';

export interface PayloadCodecOptions {
  /** As `ALTA_CODEC_KEYS`: the first key seals, all open. */
  keys: string;
  /** The namespace that payloads are bound to. */
  namespace: string;
  /** As `ALTA_CODEC_PLAINTEXT`. */
  plaintext: 'refuse' | 'accept' | 'write';
}

export const ENCRYPTED = 'binary/encrypted';
/** Names of the metadata that a sealed payload shows: what opens it, and nothing of what it says. */
const FIELDS = { encoding: 'encoding', version: 'alta-version', key: 'alta-key', workflow: 'alta-workflow' } as const;
const VERSION = '1';
const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** A scheduled run's id is the schedule's with the time behind it; what was sealed for the schedule is for all of its runs. */
const SCHEDULED_AT = /-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const ownerOf = (workflowId: string): string => workflowId.replace(SCHEDULED_AT, '');

/**
 * Seals every payload that Temporal keeps: AES-256-GCM over the whole payload, its own metadata included, with one cipher call.
 *
 * Bound into the seal are the form's version, the key id, the namespace and the workflow id, so that nobody who can write to
 * Temporal can give one workflow what was sealed for another. The workflow id stands in the metadata too, since the codec endpoint
 * is sent bare payloads; the SDK's processes compare it with the workflow that they hold. The SDK names none where it reports a
 * failed workflow task and for the memo of a schedule: such a payload is bound to the namespace alone. The namespace is the
 * setting's, not the SDK's: replays run in one of their own.
 *
 * `decode` throws CODEC_KEY_UNKNOWN, CODEC_TAMPERED or CODEC_PLAINTEXT. In a workflow task each of them fails the task, not the run:
 * Temporal gives the task out again until a worker can open it.
 */
export function createPayloadCodec({ keys, namespace, plaintext }: PayloadCodecOptions): PayloadCodec {
  const ring = readKeyRing('ALTA_CODEC_KEYS', keys);
  return {
    encode: (payloads, context) =>
      Promise.resolve(plaintext === 'write' ? payloads : payloads.map((payload) => seal(ring, namespace, payload, context))),
    decode: (payloads, context) =>
      new Promise((resolve) => {
        resolve(
          payloads.map((payload) => {
            if (isSealed(payload)) return open(ring, namespace, payload, context);
            if (plaintext === 'refuse') throw new AltaError('CODEC_PLAINTEXT', `a payload${ofWorkflow(context)} is not encrypted`);
            return payload;
          }),
        );
      }),
  };
}

/** Whether a payload is in the codec's form. */
export const isSealed = (payload: Payload): boolean => textOf(payload, FIELDS.encoding) === ENCRYPTED;

/** The ids of the keys that seal anything in a message of Temporal, such as a history. */
export function payloadKeys(message: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (typeof message !== 'object' || message === null || ArrayBuffer.isView(message)) return found;
  const payload = message as Payload;
  const keyId =
    typeof payload.metadata === 'object' && payload.metadata !== null && isSealed(payload) ? textOf(payload, FIELDS.key) : undefined;
  if (keyId !== undefined) found.add(keyId);
  else for (const part of Object.values(message)) payloadKeys(part, found);
  return found;
}

const textOf = ({ metadata }: Payload, field: string): string | undefined => {
  const bytes = metadata?.[field];
  return bytes ? Buffer.from(bytes).toString() : undefined;
};
const ofWorkflow = (context: SerializationContext | undefined): string =>
  context?.workflowId === undefined ? '' : ` of ${context.workflowId}`;

const boundData = (keyId: string, namespace: string, owner: string): Buffer =>
  Buffer.from(JSON.stringify([VERSION, keyId, namespace, owner]));

function seal(ring: KeyRing, namespace: string, payload: Payload, context: SerializationContext | undefined): Payload {
  const owner = ownerOf(context?.workflowId ?? '');
  const iv = randomFillSync(Buffer.allocUnsafe(IV_BYTES));
  const cipher = createCipheriv(ALGORITHM, ring.current, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundData(ring.currentId, namespace, owner));
  const body = cipher.update(PayloadMessage.encode(payload).finish());
  cipher.final();
  return {
    metadata: {
      [FIELDS.encoding]: Buffer.from(ENCRYPTED),
      [FIELDS.version]: Buffer.from(VERSION),
      [FIELDS.key]: Buffer.from(ring.currentId),
      ...(owner === '' ? {} : { [FIELDS.workflow]: Buffer.from(owner) }),
    },
    data: Buffer.concat([iv, cipher.getAuthTag(), body]),
  };
}

function open(ring: KeyRing, namespace: string, payload: Payload, context: SerializationContext | undefined): Payload {
  const keyId = textOf(payload, FIELDS.key) ?? '';
  const owner = textOf(payload, FIELDS.workflow) ?? '';
  const where = ofWorkflow(context);
  const tampered = (why: string): AltaError => new AltaError('CODEC_TAMPERED', `a payload${where} ${why}`);
  const version = textOf(payload, FIELDS.version) ?? '';
  if (version !== VERSION) throw tampered(`is in form ${JSON.stringify(version.slice(0, 20))}, which is none of ours`);
  const data = payload.data ?? new Uint8Array();
  if (data.length < IV_BYTES + TAG_BYTES) throw tampered('is too short');
  if (owner !== '' && context?.workflowId !== undefined && owner !== ownerOf(context.workflowId))
    throw tampered('was sealed for another workflow');
  const key = ring.get(keyId);
  if (key === undefined) {
    throw new AltaError(
      'CODEC_KEY_UNKNOWN',
      `a payload${where} is sealed under key ${JSON.stringify(keyId.slice(0, 40))}, which ALTA_CODEC_KEYS does not have`,
    );
  }
  const decipher = createDecipheriv(ALGORITHM, key, data.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(boundData(keyId, namespace, owner));
  decipher.setAuthTag(data.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const body = decipher.update(data.subarray(IV_BYTES + TAG_BYTES));
  try {
    decipher.final();
  } catch {
    // The cause says nothing more, and nothing of the payload may leave this file.
    throw tampered(`does not open under key ${keyId}`);
  }
  return PayloadMessage.decode(body);
}
