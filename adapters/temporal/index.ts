/** How every process of Alta reaches Temporal, and in which form its payloads travel. */
export { temporalConnection, type TemporalConnection } from './connection.ts';
export { dataConverter } from './data-converter.ts';
