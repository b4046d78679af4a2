/** How every process of Alta reaches Temporal, and in which form its payloads travel. */
export { temporalConnection } from './connection.ts';
export { dataConverter } from './data-converter.ts';
export { readTemporalProfile, type TemporalConnection, type TemporalProfile } from './profile.ts';
