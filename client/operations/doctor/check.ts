import { errorRow, isAltaError } from '../../../contract/errors.ts';

export type Verdict = 'ok' | 'warn' | 'fail' | 'skipped';

/** What was looked at, what was found, and for what is not well how to mend it. */
export interface Finding {
  /** `setting ADMIN_DATABASE_URL`, `temporal queue alta-accounts`: the same from run to run. */
  name: string;
  verdict: Verdict;
  detail: string;
  fix: string | null;
}

/** Longest time of one check, ms. */
const CHECK_MS = 8_000;

export const ok = (name: string, detail: string): Finding => ({ name, verdict: 'ok', detail, fix: null });
export const warn = (name: string, detail: string, fix: string): Finding => ({ name, verdict: 'warn', detail, fix });
export const fail = (name: string, detail: string, fix: string): Finding => ({ name, verdict: 'fail', detail, fix });
export const skipped = (name: string, detail: string): Finding => ({ name, verdict: 'skipped', detail, fix: null });

/** Runs one check with a time limit; what it throws is its finding, mended as the error table says. Never throws. */
export async function examine(name: string, look: () => Promise<Finding | Finding[]>, fix?: string): Promise<Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(
      () => resolve(fail(name, `no answer within ${CHECK_MS / 1_000} s`, fix ?? 'See whether it can be reached from here.')),
      CHECK_MS,
    );
  });
  try {
    return [await Promise.race([look(), late])].flat();
  } catch (error) {
    const detail = isAltaError(error) ? `${error.code}: ${error.message}` : error instanceof Error ? error.message : 'failed';
    return [fail(name, detail, fix ?? errorRow(isAltaError(error) ? error.code : undefined).hint)];
  } finally {
    clearTimeout(timer);
  }
}
