import { Client, Connection } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { Config } from '../../../adapters/config.ts';
import { effect } from '../../../adapters/effect.ts';
import { isSealed, temporalConnection } from '../../../adapters/temporal/index.ts';
import { QUEUE_NAMES, taskQueue, type QueueName } from '../../../contract/ids.ts';
import { SEARCH_ATTRIBUTES } from '../../../contract/search-attributes.ts';
import { examine, fail, ok, type Finding } from './check.ts';
import { checkCodecKeys } from './codec-keys.ts';
import { checkSchedules } from './schedules.ts';

const CONNECT_MS = 5_000;
const CALL_MS = 5_000;
/** The two kinds of task that a worker polls for: workflow and activity. */
const { TaskQueueType } = proto.temporal.api.enums.v1;
const KINDS = { workflow: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, activity: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY } as const;

/** Leaves payloads shut and in their place nothing: no check needs one, so a lost key is found by its own check and hides no other. */
const SHUT: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads),
  decode: (payloads) =>
    Promise.resolve(payloads.map((payload) => (isSealed(payload) ? { metadata: { encoding: Buffer.from('binary/null') } } : payload))),
};

/** Temporal itself, and the workers as it sees them. Without a connection there is one finding, not ten of the same cause. */
export async function checkTemporal(config: Config): Promise<Finding[]> {
  let connection: Connection | undefined;
  const reached = await examine(
    'temporal',
    async () => {
      connection = await effect('temporal.connect', () =>
        Connection.connect({ ...temporalConnection(config), connectTimeout: CONNECT_MS }),
      );
      const open = connection;
      const { serverVersion } = await within(open, () => open.workflowService.getSystemInfo({}));
      return ok('temporal', `server ${serverVersion} at ${config.TEMPORAL_ADDRESS}`);
    },
    'Start Temporal, or correct TEMPORAL_ADDRESS and its TLS or API key settings.',
  );
  if (connection === undefined) return reached;
  const open = connection;
  const client = new Client({ connection: open, namespace: config.TEMPORAL_NAMESPACE, dataConverter: { payloadCodecs: [SHUT] } });
  try {
    const found = await Promise.all([
      examine(
        'temporal namespace',
        () => namespace(open, config),
        'Create it: `temporal operator namespace create`, or correct TEMPORAL_NAMESPACE.',
      ),
      examine('temporal search attributes', () => attributes(open, config)),
      checkSchedules(client, config),
      checkCodecKeys(client, config),
      ...QUEUE_NAMES.map((queue) => examine(`temporal queue ${queue}`, () => workers(open, config, queue))),
    ]);
    return [...reached, ...found.flat()];
  } finally {
    await open.close();
  }
}

const within = <T>(connection: Connection, act: () => Promise<T>): Promise<T> =>
  effect('temporal.doctor', () => connection.withDeadline(Date.now() + CALL_MS, act));

async function namespace(connection: Connection, { TEMPORAL_NAMESPACE: name }: Config): Promise<Finding> {
  const { config } = await within(connection, () => connection.workflowService.describeNamespace({ namespace: name }));
  const days = Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400;
  return ok('temporal namespace', `${name}, histories are kept ${days} days`);
}

async function attributes(connection: Connection, { TEMPORAL_NAMESPACE }: Config): Promise<Finding> {
  const { customAttributes } = await within(connection, () =>
    connection.operatorService.listSearchAttributes({ namespace: TEMPORAL_NAMESPACE }),
  );
  const missing = Object.values(SEARCH_ATTRIBUTES).filter(({ name }) => !Object.hasOwn(customAttributes, name));
  if (missing.length === 0) return ok('temporal search attributes', 'all registered');
  const names = missing.map(({ name }) => name);
  const fix = names.map((name) => `temporal operator search-attribute create --name ${name} --type Keyword`).join('; ');
  return fail('temporal search attributes', `missing: ${names.join(', ')}`, `Run: ${fix}`);
}

/** Whether somebody polls the queue for both kinds of task; a queue without workers takes orders and does nothing with them. */
async function workers(connection: Connection, config: Config, queue: QueueName): Promise<Finding> {
  const name = taskQueue(queue, config.ALTA_QUEUE_PREFIX);
  const counts = await Promise.all(
    Object.entries(KINDS).map(async ([kind, taskQueueType]) => {
      const request = { namespace: config.TEMPORAL_NAMESPACE, taskQueue: { name }, taskQueueType };
      const { pollers } = await within(connection, () => connection.workflowService.describeTaskQueue(request));
      return { kind, pollers: pollers.length };
    }),
  );
  const idle = counts.filter(({ pollers }) => pollers === 0).map(({ kind }) => kind);
  if (idle.length === 0)
    return ok(`temporal queue ${queue}`, `${counts.map(({ kind, pollers }) => `${pollers} ${kind}`).join(' and ')} pollers of ${name}`);
  const fix = `Start a worker that serves ${queue} (ALTA_WORKER_QUEUES) with the same ALTA_QUEUE_PREFIX.`;
  return fail(`temporal queue ${queue}`, `nobody polls ${name} for ${idle.join(' and ')} tasks`, fix);
}
