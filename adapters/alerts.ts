import { effect } from './effect.ts';

/** One log line with an `alert`, as the receiver's channel shows it. */
export interface AlertLine {
  alert: string;
  /** The process that raised it. */
  name?: string;
  msg?: string;
  accountId?: string;
  jobId?: string;
  clusterId?: string;
  step?: string;
  code?: string;
  deadline?: string;
  outboxId?: string;
}

export interface AlertOptions {
  /** Takes `{"text": ...}`: Slack, Mattermost, a bridge to a pager. */
  url: string;
  /** The same alert about the same account or cluster is sent once in this time, ms. */
  windowMs: number;
  /** Of one POST, ms. */
  timeoutMs?: number;
  /** Told when an alert could not be sent; its line is in the log in any case. */
  onFailed?: (reason: string) => void;
  now?: () => number;
}

export interface Alerts {
  /** Takes a line and returns at once; whatever happens to the alert, the work goes on. */
  take(line: AlertLine): void;
  /** Waits until everything taken was sent or given up. */
  idle(): Promise<void>;
}

/** POSTs under way at once, and alerts that may wait; more are dropped, as an endless queue helps nobody. */
const AT_ONCE = 2;
const MAX_WAITING = 100;
/** Groups that are remembered. */
const MAX_GROUPS = 1_000;
const FACTS = ['accountId', 'jobId', 'clusterId', 'step', 'code', 'deadline', 'outboxId'] as const;

/**
 * Sends alerts to a chat channel or pager (P-610), grouped: what repeats within the window is counted, and the next message of its
 * group says how often. A receiver that is slow or down costs the work nothing.
 */
export function createAlerts({ url, windowMs, timeoutMs = 5_000, onFailed, now = Date.now }: AlertOptions): Alerts {
  const groups = new Map<string, { at: number; held: number }>();
  const waiting: string[] = [];
  const sending = new Set<Promise<void>>();

  const send = async (text: string): Promise<void> => {
    try {
      await effect('alerts.post', async () => {
        const headers = { 'content-type': 'application/json' };
        const request = { method: 'POST', headers, body: JSON.stringify({ text }), redirect: 'error' as const };
        const response = await fetch(url, { ...request, signal: AbortSignal.timeout(timeoutMs) });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`HTTP ${response.status}`);
      });
    } catch (error) {
      onFailed?.(error instanceof Error ? error.message : 'failed');
    }
  };
  const next = (): void => {
    while (sending.size < AT_ONCE && waiting.length > 0) {
      const sent = send(waiting.shift() as string).finally(() => {
        sending.delete(sent);
        next();
      });
      sending.add(sent);
    }
  };
  const take = (line: AlertLine): void => {
    const key = `${line.alert}|${line.accountId ?? line.clusterId ?? ''}`;
    const group = groups.get(key);
    if (group !== undefined && now() - group.at < windowMs) {
      group.held += 1;
      return;
    }
    groups.delete(key);
    groups.set(key, { at: now(), held: 0 });
    if (groups.size > MAX_GROUPS) groups.delete(groups.keys().next().value as string);
    if (waiting.length >= MAX_WAITING) return onFailed?.('too many alerts wait');
    waiting.push(textOf(line, group?.held ?? 0));
    next();
  };
  return {
    take,
    async idle() {
      while (sending.size > 0) await Promise.all(sending);
    },
  };
}

function textOf(line: AlertLine, held: number): string {
  const facts = FACTS.flatMap((name) => (line[name] === undefined ? [] : [`${name}: ${line[name]}`]));
  const more = held === 0 ? '' : ` (${held} more since the last message)`;
  return [`*${line.alert}*${more}${line.msg === undefined ? '' : `: ${line.msg}`}`, ...facts, `from ${line.name ?? 'alta'}`].join('\n');
}
