import type { DataConverter } from '@temporalio/common';
import type { Config } from '../config.ts';

/** The form of every payload between Alta and Temporal: the same for clients, workers and replays. */
export const dataConverter = (_config: Partial<Config>): DataConverter => ({});
