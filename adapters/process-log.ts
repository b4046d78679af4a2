import { pino } from 'pino';
import { createAlerts } from './alerts.ts';
import type { Config } from './config.ts';
import { alerting, createLogger, type Logger } from './log.ts';
import { hideSettings } from './scrub.ts';

/** Longest wait for the last alerts when a process ends, ms. */
const LAST_ALERTS_MS = 5_000;

export interface ProcessLog {
  log: Logger;
  /** Waits for the alerts that are under way; call it last. */
  close: () => Promise<void>;
}

/**
 * The logger of a whole process, once its settings are known: no line quotes the value of a secret setting, and lines with an
 * `alert` are posted to ALERT_WEBHOOK_URL as well, if there is one (P-610, P-614).
 */
export function createProcessLog(
  name: string,
  { ALERT_WEBHOOK_URL: url, ALERT_WINDOW_MS: windowMs }: Pick<Config, 'ALERT_WEBHOOK_URL' | 'ALERT_WINDOW_MS'>,
  destination: { write(line: string): void } = pino.destination({ fd: 1, sync: true }),
  env = process.env,
): ProcessLog {
  hideSettings(env);
  if (url === undefined) return { log: createLogger(name, undefined, destination), close: () => Promise.resolve() };
  const alerts = createAlerts({ url, windowMs, onFailed: (reason) => log.warn({ reason }, 'an alert could not be sent') });
  const log = createLogger(name, undefined, alerting(alerts, destination));
  return {
    log,
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LAST_ALERTS_MS)));
      await Promise.race([alerts.idle(), late]).finally(() => clearTimeout(timer));
    },
  };
}
