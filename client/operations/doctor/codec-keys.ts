import type { Client } from '@temporalio/client';
import type { Config } from '../../../adapters/config.ts';
import { readKeyRing } from '../../../adapters/key-ring.ts';
import { payloadKeys, plaintextRule } from '../../../adapters/temporal/index.ts';
import { callTemporal } from '../../temporal.ts';
import { openRuns, type OpenRun } from '../open-runs.ts';
import { examine, fail, ok, warn, type Finding } from './check.ts';

/** Time for reading histories, ms: below the limit of one check, so that what was found is told. */
const READING_MS = 5_000;
/** Histories that are read at once. */
const AT_ONCE = 8;
/** Open runs that are looked at, at most. */
const MOST_RUNS = 10_000;
const NAME = 'codec keys';
const RUNS = 'codec keys of open runs';

/** The settings of the payload codec alone: a key that seals, and in production nothing but sealed payloads. */
export function checkCodecSettings(config: Config): Finding[] {
  const production = config.NODE_ENV === 'production';
  // Without keys production does not start, so this is none.
  if (config.ALTA_CODEC_KEYS === undefined) return [ok(NAME, 'none: payloads are plain, as production does not allow')];
  const { currentId, ids } = readKeyRing('ALTA_CODEC_KEYS', config.ALTA_CODEC_KEYS);
  const rule = plaintextRule(config);
  const fix = 'When no run from before the codec is open, remove ALTA_CODEC_PLAINTEXT (docs/keys.md, "Introducing the codec").';
  return [
    ok(NAME, `payloads are sealed under ${currentId}; ${ids.length} can open`),
    !production || rule === 'refuse'
      ? ok('codec plaintext', rule)
      : fail('codec plaintext', `${rule}: payloads that are not encrypted pass`, fix),
  ];
}

/**
 * Reads the histories of open runs, the oldest first, where keys that somebody took away show, and names each key that is not there
 * to open them. What could not be read in time is told: silence would look like health.
 */
export async function checkCodecKeys(temporal: Client, config: Config): Promise<Finding[]> {
  return examine(RUNS, async () => {
    const known = config.ALTA_CODEC_KEYS === undefined ? [] : readKeyRing('ALTA_CODEC_KEYS', config.ALTA_CODEC_KEYS).ids;
    const until = Date.now() + READING_MS;
    const open = (await openRuns(temporal, config, MOST_RUNS)).sort((a, b) => a.startedAt - b.startedAt);
    const waiting = [...open];
    const runsOf = new Map<string, number>();
    const read = async (): Promise<void> => {
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
        for (const keyId of await keysIn(temporal, run)) runsOf.set(keyId, (runsOf.get(keyId) ?? 0) + 1);
        if (Date.now() > until) return;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, read));
    const found = [...runsOf].sort().map(([keyId, count]) => {
      const name = `codec key ${keyId}`;
      return known.includes(keyId)
        ? ok(name, `seals payloads of ${count} open runs, and is there to open them`)
        : fail(name, `seals payloads of ${count} open runs and is not there to open them`, `Put key ${keyId} back into ALTA_CODEC_KEYS.`);
    });
    const unread = open.length < MOST_RUNS ? waiting.length : undefined;
    if (unread === 0) return found.length > 0 ? found : [ok(RUNS, 'none is sealed')];
    const detail = `${open.length - waiting.length} histories, the oldest, were read; ${unread ?? 'many'} were not`;
    return [...found, warn(RUNS, detail, 'Keep every codec key until its histories are gone (docs/keys.md).')];
  });
}

/** The ids of the keys that seal anything in a run's history. */
async function keysIn(temporal: Client, { workflowId, runId }: OpenRun): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await callTemporal(temporal, 'temporal.fetch-history', () =>
      temporal.workflowService.getWorkflowExecutionHistory({
        namespace: temporal.options.namespace,
        execution: { workflowId, runId },
        nextPageToken,
      }),
    );
    for (const keyId of payloadKeys(page.history)) keys.add(keyId);
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0);
  return keys;
}
