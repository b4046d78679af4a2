import type { WorkflowHandle } from '@temporalio/client';
import { startCredentials } from '../../../client/operations/start-credentials.ts';
import type { CredentialTask } from '../../../contract/credentials.ts';
import {
  CONFIRM_ORDER_WORKFLOW,
  confirmOrderWorkflowId,
  CREDENTIALS_WORKFLOW,
  credentialsWorkflowId,
  OWNER_NOTICE_WORKFLOW,
  ownerNoticeWorkflowId,
  taskQueue,
} from '../../../contract/ids.ts';
import { agree, connectedSeller, linkOf, makeDue, type Seller } from '../consent.ts';
import type { Fault } from '../../../local/mercadopago/control.ts';
import { eventually } from '../eventually.ts';
import { startTask } from '../upkeep.ts';
import type { Scenario } from './onboarding-scenarios.ts';
import type { HistoryPath } from './paths.ts';
import type { Stage } from './stage.ts';

type CredentialPath = Extract<
  HistoryPath,
  `credentials.${string}` | `refresh-credentials.${string}` | `confirm-order.${string}` | `owner-notice.${string}`
>;

const sellerOf = ({ world }: Stage): Promise<Seller> => connectedSeller(world);

/** Starts a task as the relay does. */
async function run(
  { world }: Stage,
  accountId: string,
  task: CredentialTask,
  authorizationId: string | null = null,
): Promise<WorkflowHandle> {
  await startCredentials({ temporal: world.temporal, config: world.config }, { accountId, task, authorizationId });
  return world.temporal.workflow.getHandle(credentialsWorkflowId(accountId, task, authorizationId));
}

/** A refresh under faults of Mercado Pago. */
const refresh =
  (...faults: Fault[]): Scenario =>
  async (stage) => {
    const { accountId } = await sellerOf(stage);
    for (const fault of faults) await stage.world.simulator.control.faults.add(fault);
    return run(stage, accountId, 'refresh');
  };

/** A consent whose intent stands although no run keeps it. */
async function cutOff(stage: Stage): Promise<Seller> {
  const one = await sellerOf(stage);
  await stage.world.sql(
    `update mp_connections set refresh_id = gen_random_uuid(), refresh_begun_at = now() - interval '1 day' where account_id = $1`,
    [one.accountId],
  );
  return one;
}

/** The exchange of the code that a seller brought. */
async function connect(
  stage: Stage,
  before: (redirectUri: string) => Promise<Response | undefined>,
  url: string,
  accountId: string,
): Promise<WorkflowHandle> {
  await ((await before(new URL(url).searchParams.get('redirect_uri') ?? '')) ?? agree(url));
  const [row] = await stage.world.sql<{ id: string }>('select id from mp_authorizations where account_id = $1', [accountId]);
  const handle = stage.world.temporal.workflow.getHandle(credentialsWorkflowId(accountId, 'connect', row!.id));
  await eventually(() => handle.describe(), 'a run that the relay started');
  return handle;
}

export const CREDENTIAL_SCENARIOS: Record<CredentialPath, Scenario> = {
  'credentials.connected': async (stage) => {
    const { accountId } = await stage.world.checkout({}, { connected: false });
    return connect(stage, () => Promise.resolve(undefined), await linkOf(stage.world, accountId), accountId);
  },
  'credentials.connect-refused': async (stage) => {
    const { world } = stage;
    const { accountId } = await world.checkout({}, { connected: false });
    const url = await linkOf(stage.world, accountId);
    const state = new URL(url).searchParams.get('state') ?? '';
    const stolen = async (redirectUri: string): Promise<Response> => {
      const { code } = await world.simulator.control.issueCode({ redirectUri, codeChallenge: 'other', codeChallengeMethod: 'S256' });
      return fetch(new URL(`/oauth/mercadopago?${new URLSearchParams({ state, code }).toString()}`, world.url));
    };
    return connect(stage, stolen, url, accountId);
  },
  'credentials.connect-ended': async (stage) => {
    const { accountId } = await sellerOf(stage);
    const [row] = await stage.world.sql<{ id: string }>('select id from mp_authorizations where account_id = $1', [accountId]);
    return run(stage, accountId, 'connect', row!.id);
  },
  'credentials.refreshed': refresh(),
  'credentials.limited': refresh({ operation: 'oauth.token', kind: 'status', status: 429, count: 2 }),
  'credentials.limited-for-long': refresh({ operation: 'oauth.token', kind: 'status', status: 429, count: 3 }),
  'credentials.healed': refresh({ operation: 'oauth.token', kind: 'refuse' }),
  'credentials.left-open': refresh({ operation: 'oauth.token', kind: 'refuse', count: 2 }),
  'credentials.grant-lost': refresh({ operation: 'oauth.token', kind: 'lost' }),
  'credentials.refused': async (stage) => {
    const { accountId, sellerId } = await sellerOf(stage);
    await stage.world.simulator.control.revoke(sellerId);
    return run(stage, accountId, 'refresh');
  },
  'credentials.mail-refused': async (stage) => {
    const { accountId, sellerId } = await sellerOf(stage);
    await stage.world.simulator.control.revoke(sellerId);
    stage.faults.at('mailer.send', { mode: 'fail-before', code: 'MAIL_REJECTED' });
    return run(stage, accountId, 'refresh');
  },
  'credentials.cut-off': async (stage) => run(stage, (await cutOff(stage)).accountId, 'refresh'),
  'credentials.cut-off-dead': async (stage) => {
    const { accountId, sellerId } = await cutOff(stage);
    await stage.world.simulator.control.revoke(sellerId);
    return run(stage, accountId, 'refresh');
  },
  'credentials.superseded': async (stage) => {
    const { accountId } = await sellerOf(stage);
    stage.faults.before('admin-db.save-mp-credentials', async () => {
      await stage.world.sql(`update mp_connections set credential_version = credential_version + 1 where account_id = $1`, [accountId]);
    });
    return run(stage, accountId, 'refresh');
  },
  'credentials.nothing-to-refresh': async (stage) =>
    run(stage, (await stage.world.checkout({}, { connected: false })).accountId, 'refresh'),
  'credentials.alive': async (stage) => run(stage, (await sellerOf(stage)).accountId, 'check'),
  'credentials.taken-back': async (stage) => {
    const { accountId, sellerId } = await sellerOf(stage);
    await stage.world.simulator.control.revoke(sellerId);
    return run(stage, accountId, 'check');
  },
  'credentials.revoked': async (stage) => run(stage, (await sellerOf(stage)).accountId, 'revoke'),
  'credentials.revoked-before': async (stage) => run(stage, (await stage.world.checkout({}, { connected: false })).accountId, 'revoke'),
  'credentials.resynced': async (stage) => run(stage, (await sellerOf(stage)).accountId, 'resync'),
  'credentials.input-invalid': ({ world }) =>
    world.temporal.workflow.start(CREDENTIALS_WORKFLOW, {
      workflowId: credentialsWorkflowId('nobody', 'refresh'),
      taskQueue: taskQueue('accounts', world.config.ALTA_QUEUE_PREFIX),
      args: [{ accountId: 'nobody', task: 'refresh', authorizationId: null }],
    }),
  'confirm-order.ignored': async (stage) => {
    const { accountId } = await sellerOf(stage);
    const { temporal, config } = stage.world;
    return temporal.workflow.start(CONFIRM_ORDER_WORKFLOW, {
      workflowId: confirmOrderWorkflowId(accountId, '4711'),
      taskQueue: taskQueue('accounts', config.ALTA_QUEUE_PREFIX),
      args: [{ accountId, paymentId: '4711' }],
    });
  },
  'owner-notice.told': async (stage) => {
    const { accountId } = await sellerOf(stage);
    const { temporal, config } = stage.world;
    const eventKey = `account.suspended/${accountId}/99`;
    return temporal.workflow.start(OWNER_NOTICE_WORKFLOW, {
      workflowId: ownerNoticeWorkflowId(eventKey),
      taskQueue: taskQueue('accounts', config.ALTA_QUEUE_PREFIX),
      args: [{ accountId, kind: 'paused', eventKey }],
    });
  },
  'refresh-credentials.asked': async (stage) => {
    const { accountId } = await sellerOf(stage);
    await makeDue(stage.world, accountId);
    return startTask(stage.world, 'refresh-credentials');
  },
};
