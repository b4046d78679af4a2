import type { Config } from '../config.ts';

/** What `Connection` and `NativeConnection` are opened with. */
export interface TemporalConnection {
  address: string;
}

/** Where Temporal is, by the settings. */
export const temporalConnection = (config: Pick<Config, 'TEMPORAL_ADDRESS'>): TemporalConnection => ({ address: config.TEMPORAL_ADDRESS });
