/** How every process of Alta reaches Temporal, and in which form its payloads travel. */
export { accountRun } from './account-run.ts';
export { temporalConnection } from './connection.ts';
export { dataConverter, type DataConverterConfig, FAILURE_CONVERTER_PATH, plaintextRule } from './data-converter.ts';
export { createPayloadCodec, ENCRYPTED, isSealed, payloadKeys, type PayloadCodecOptions } from './payload-codec.ts';
export { clientTracing } from './tracing.ts';
export { readTemporalProfile, type TemporalConnection, type TemporalProfile } from './profile.ts';
