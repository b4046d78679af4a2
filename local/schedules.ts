import { loadConfig } from '../adapters/config.ts';
import { applySchedules, connectTemporal } from '../client/index.ts';

/** A start of the local stack is its deployment: it makes the schedules as this checkout wants them. */
export async function applyStackSchedules(env: Record<string, string>): Promise<void> {
  const config = loadConfig(env);
  const temporal = connectTemporal(config);
  try {
    await applySchedules({ temporal: temporal.client, config });
  } finally {
    await temporal.close();
  }
}
