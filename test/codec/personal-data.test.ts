import { afterAll, beforeAll, expect, test } from '@jest/globals';
import proto from '@temporalio/proto';
import { Client } from '@temporalio/client';
import { randomBytes, randomUUID } from 'node:crypto';
import { accountWorkflowId, onboardingWorkflowId } from '../../contract/ids.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { canary, findLeaks, formsOf, type Canary, type Haystack } from '../support/leaks.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

const { GetWorkflowExecutionHistoryResponse, ListWorkflowExecutionsResponse, DescribeWorkflowExecutionResponse } =
  proto.temporal.api.workflowservice.v1;

/** Law 2: what Temporal keeps says nothing of a person: searched are the bytes that the server answers with, before anything opens them. */
let world: World;
let faults: Faults;
const canaries: Canary[] = [];
const orders: PlacedOrder[] = [];

beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
  await onboarded('completed');
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  await onboarded('parked');
  faults.clear();
  faults.at('cluster.seed-content', { mode: 'fail-after', code: 'CLUSTER_REJECTED' });
  await onboarded('compensated');
  faults.clear();
}, 180_000);
afterAll(async () => {
  faults.remove();
  await world.close();
});

async function onboarded(end: string): Promise<void> {
  const word = (): string => randomBytes(9).toString('hex');
  const order = await world.checkout({
    email: `${word()}@example.com`,
    businessName: `Tienda "${word()}" & co`,
    phoneFull: `+54 11 ${randomBytes(6).readUIntBE(0, 6)}`,
  });
  await world.pay(order);
  await world.job(order.accountId, end);
  orders.push(order);
  const { email, slug, businessName, phoneFull, billingEmail } = order.checkout;
  for (const [name, text] of Object.entries({ email, slug, businessName, phoneFull, billingEmail, token: order.merchantToken })) {
    canaries.push(canary(`${name} of the ${end}`, text!));
  }
}

const bytes = (name: string, encoded: Uint8Array): Haystack => ({ name, text: Buffer.from(encoded).toString('latin1') });

async function kept(workflowId: string): Promise<Haystack[]> {
  const service = world.temporal.workflowService;
  const where = { namespace: 'default', execution: { workflowId } };
  const history = await service.getWorkflowExecutionHistory(where);
  const described = await service.describeWorkflowExecution(where);
  return [
    bytes(`history of ${workflowId}`, GetWorkflowExecutionHistoryResponse.encode(history).finish()),
    bytes(`description of ${workflowId}`, DescribeWorkflowExecutionResponse.encode(described).finish()),
  ];
}

/** The visibility records of these workflows. */
async function listed(...workflowIds: string[]): Promise<Haystack> {
  const query = workflowIds.map((id) => `WorkflowId = '${id}'`).join(' or ');
  return eventually(async () => {
    const found = await world.temporal.workflowService.listWorkflowExecutions({ namespace: 'default', query });
    expect(found.executions).toHaveLength(workflowIds.length);
    return bytes('visibility', ListWorkflowExecutionsResponse.encode(found).finish());
  }, 'the visibility records');
}

test('P-115 P-756 law 2: no e-mail, slug, name, phone or token is in histories, ids, memos or search attributes, in any encoding', async () => {
  const ids = [...orders.map(({ accountId }) => onboardingWorkflowId(accountId)), accountWorkflowId(orders[0]!.accountId)];
  const haystacks = [...(await Promise.all(ids.map(kept))).flat(), await listed(...ids)];
  // Nothing is found in nothing: ids are there in clear.
  for (const { text } of haystacks) expect(orders.some(({ accountId }) => text.includes(accountId))).toBe(true);
  expect(haystacks.filter(({ name }) => name.startsWith('history')).every(({ text }) => text.includes('binary/encrypted'))).toBe(true);
  expect(haystacks.some(({ text }) => text.includes('json/plain') && text.includes('AltaState'))).toBe(true);
  expect(canaries).toHaveLength(18);
  expect(await findLeaks(haystacks, canaries)).toEqual([]);
});

test('the search finds a leak that was planted in history and visibility in each of the encodings', async () => {
  const secret = canary('planted', `a "quoted" value? ${randomBytes(12).toString('hex')}`);
  const forms = [...formsOf(secret)];
  // The forms of base64 for addresses differ from the common one only where it has one of their characters.
  expect(forms.map(([, kind]) => kind)).toEqual(
    expect.arrayContaining(['raw', 'url-encoded', 'JSON-escaped', 'JSON-escaped twice', 'base64', 'hex', 'HEX']),
  );
  expect(forms.filter(([, kind]) => kind === 'base64')).toHaveLength(3);
  // A client that encrypts nothing, on a queue without a worker.
  const careless = new Client({ connection: world.temporal.connection });
  for (const [form, kind] of forms) {
    const workflowId = `leak/${randomUUID()}`;
    const handle = await careless.workflow.start('leak', {
      workflowId,
      taskQueue: workflowId,
      args: [],
      memo: { note: 1, [`x${form}`]: 1 },
    });
    const found = await findLeaks([...(await kept(workflowId)), await listed(workflowId)], [secret]);
    await handle.terminate('the test has seen it');
    expect(found).toEqual(expect.arrayContaining([`history of ${workflowId}: planted (${kind})`, `visibility: planted (${kind})`]));
  }
});
