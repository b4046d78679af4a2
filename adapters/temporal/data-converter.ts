import type { DataConverter } from '@temporalio/common';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { createPayloadCodec } from './payload-codec.ts';

/** The module that encodes failures. Whoever bundles workflows passes it to the bundler, since they fail inside of the bundle. */
export const FAILURE_CONVERTER_PATH = fileURLToPath(new URL('./failure-converter.cjs', import.meta.url));

export type DataConverterConfig = Pick<Config, 'ALTA_CODEC_KEYS' | 'ALTA_CODEC_PLAINTEXT' | 'NODE_ENV' | 'TEMPORAL_NAMESPACE'>;

/** What is done with payloads that are not encrypted, where no setting says so. */
export const plaintextRule = (config: DataConverterConfig): NonNullable<Config['ALTA_CODEC_PLAINTEXT']> =>
  config.ALTA_CODEC_PLAINTEXT ?? (config.NODE_ENV === 'production' ? 'refuse' : 'accept');

/**
 * The form of every payload between Alta and Temporal: the same for clients, workers and replays. Without `ALTA_CODEC_KEYS`, which
 * production needs, payloads are plain. Throws CONFIG_INVALID.
 */
export function dataConverter(config: DataConverterConfig): DataConverter {
  const { ALTA_CODEC_KEYS: keys, TEMPORAL_NAMESPACE: namespace } = config;
  return {
    failureConverterPath: FAILURE_CONVERTER_PATH,
    ...(keys === undefined ? {} : { payloadCodecs: [createPayloadCodec({ keys, namespace, plaintext: plaintextRule(config) })] }),
  };
}
