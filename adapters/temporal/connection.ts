import type { Config } from '../config.ts';
import type { TemporalConnection } from './profile.ts';

/** Where Temporal is, by the settings, and what to show there: the one way in which every process of Alta reaches it. */
export const temporalConnection = (config: Pick<Config, 'TEMPORAL_CONNECTION'>): TemporalConnection => config.TEMPORAL_CONNECTION;
