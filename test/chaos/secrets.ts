import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataConverter } from '../../adapters/temporal/index.ts';
import { accountWorkflowId, onboardingWorkflowId } from '../../contract/ids.ts';
import { loadKeys } from '../../local/keys.ts';
import { payloadsOf, wholeHistory } from '../support/histories/files.ts';
import { openedText } from '../support/histories/opened.ts';
import { canary, findLeaks, tableHaystacks, type Canary, type Haystack } from '../support/leaks.ts';
import type { Ground } from './ground.ts';

/** `id:base64 of the key` as it is set, and its bytes. */
function keyCanaries(name: string, setting: string): Canary[] {
  const secret = setting.slice(setting.indexOf(':') + 1);
  return [canary(`${name} as set`, secret), canary(name, Buffer.from(secret, 'base64'))];
}

function allCanaries({ stack, canaries }: Ground): Canary[] {
  const clusterIds = stack.clusters.map(({ clusterId }) => clusterId);
  const keys = loadKeys(stack.dataDir, clusterIds);
  return [
    canary("a merchant's access token", canaries.accessToken),
    canary("a merchant's refresh token", canaries.refreshToken),
    ...keyCanaries('vault key', keys.vault),
    ...keyCanaries('codec key', keys.codec),
    canary("operator's token", keys.operator.slice(keys.operator.indexOf(':') + 1)),
    canary('password of PostgreSQL', keys.postgresPassword),
    ...Object.entries(keys.clusters).flatMap(([id, { secretKey, jwtSecret }]) => [
      canary(`service key of ${id}`, secretKey),
      canary(`JWT secret of ${id}`, jwtSecret),
    ]),
    canary("platform's access token", stack.mercadoPago.accessToken),
    canary("platform's client secret", stack.mercadoPago.clientSecret),
    canary('webhook secret', stack.mercadoPago.webhookSecret),
  ];
}

/** Logs of Alta's processes, PostgreSQL and Temporal. The stand-ins for clusters and Mercado Pago tell their own keys to whoever starts them. */
const ALTAS = /^(worker|relay|api|postgres|temporal)/;

const fileHaystacks = (folder: string, wanted: RegExp): Haystack[] =>
  readdirSync(folder)
    .filter((name) => wanted.test(name))
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'latin1') }));

/** What the runs of an account wrote down, as Temporal keeps it and with its payloads opened. */
async function historiesOf({ temporal, config }: Ground, accountId: string): Promise<Haystack[]> {
  const codec = dataConverter(config).payloadCodecs?.[0];
  const found: Haystack[] = [];
  for (const workflowId of [onboardingWorkflowId(accountId), accountWorkflowId(accountId)]) {
    const history = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
    const text = JSON.stringify(wholeHistory(history));
    const opened = codec === undefined ? text : await openedText(text, codec);
    found.push({ name: `history of ${workflowId}`, text }, { name: `payloads of ${workflowId}`, text: payloadsOf(opened).join('\n') });
  }
  return found;
}

export interface SecretSearch {
  leaked: string[];
  /** Characters that were searched, and how many histories were opened. */
  characters: number;
  histories: number;
}

/**
 * Looks for every secret of the installation in all logs, all tables of the Admin DB, all of Temporal's database file, and in the
 * histories of some accounts with their payloads opened. A canary that is planted among them has to be found, or the search proves nothing.
 */
export async function searchSecrets(ground: Ground, accountIds: readonly string[]): Promise<SecretSearch> {
  const { stack, db } = ground;
  const planted = canary('planted', `planted-${stack.mercadoPago.clientId}-canary`);
  const histories = (await Promise.all(accountIds.map((accountId) => historiesOf(ground, accountId)))).flat();
  const haystacks = [
    ...fileHaystacks(join(stack.dataDir, 'logs'), ALTAS),
    ...fileHaystacks(stack.dataDir, /^temporal\.db/),
    ...(await tableHaystacks(async <T>(text: string) => (await db.pool.query(text)).rows as T[])),
    ...histories,
    { name: 'nowhere', text: `x${Buffer.from(planted.bytes).toString('base64')}x` },
  ];
  const found = await findLeaks(haystacks, [...allCanaries(ground), planted]);
  const leaked = found.filter((where) => !where.startsWith('nowhere: planted'));
  if (leaked.length === found.length) throw new Error('the search for secrets did not find the one that was planted');
  return { leaked, characters: haystacks.reduce((total, { text }) => total + text.length, 0), histories: histories.length / 2 };
}
