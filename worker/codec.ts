import type { DataConverter, PayloadCodec } from '@temporalio/common';
import type { Logger } from '../adapters/log.ts';
import { dataConverter, type DataConverterConfig } from '../adapters/temporal/index.ts';
import { isAltaError } from '../contract/errors.ts';
import { toFailure } from './interceptors/errors.ts';

/**
 * The form of a worker's payloads. The SDK opens an activity's arguments before any interceptor, so here, and nowhere later, a payload
 * that does not open gets its code of the error table, by which the workflow decides, and an alert: no step row and no metric tells
 * of it. CODEC_KEY_UNKNOWN is retryable, since the key may be rolled out a moment later.
 */
export function workerDataConverter(config: DataConverterConfig, log: Logger): DataConverter {
  const converter = dataConverter(config);
  const { payloadCodecs } = converter;
  return payloadCodecs === undefined ? converter : { ...converter, payloadCodecs: payloadCodecs.map((codec) => withCodes(codec, log)) };
}

const withCodes = (codec: PayloadCodec, log: Logger): PayloadCodec => ({
  encode: (payloads, context) => codec.encode(payloads, context),
  async decode(payloads, context) {
    try {
      return await codec.decode(payloads, context);
    } catch (error) {
      if (isAltaError(error)) {
        const { code, message } = error;
        log.error({ code, workflowId: context?.workflowId, alert: 'payload not opened' }, message);
      }
      throw toFailure(error, log);
    }
  },
});
