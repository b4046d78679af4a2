import { dataConverter } from '../../../adapters/temporal/index.ts';

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

/** Whether a path, or a file of the corpus, holds encrypted payloads. */
export const isSealedHistory = (name: string): boolean => /-encrypted(?:\.|$)/.test(name);
