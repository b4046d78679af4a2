import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import { enginePort } from '../../adapters/metrics/index.ts';
import { dataConverter } from '../../adapters/temporal/index.ts';
import { cleanSpan } from '../../adapters/tracing.ts';
import type { CheckoutAnswer } from '../../contract/checkout.ts';
import { STEP_NAMES } from '../../contract/steps.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { eventually } from '../support/eventually.ts';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { sampleCheckout } from '../support/samples.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let receiver: OtlpReceiver;
let apiUrl: string;
let children: AltaProcess[] = [];

beforeAll(async () => {
  [world, receiver] = await Promise.all([startWorld({ run: { worker: false, relay: false, api: false } }), startOtlpReceiver()]);
  await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
}, 300_000);
afterAll(async () => {
  await stop();
  await world.close();
  await receiver.close();
});

async function start(env: Record<string, string>): Promise<void> {
  const port = String(await enginePort());
  apiUrl = `http://127.0.0.1:${port}`;
  const settings = { ...world.env, ...env, API_PORT: port, PUBLIC_URL: apiUrl };
  children = (['api', 'relay', 'worker'] as const).map((kind) => startAlta(kind, settings));
  await Promise.all(children.map(({ ready }) => ready));
}
const stop = (): Promise<unknown> => Promise.all(children.map((child) => child.stop()));

/** An order through the front door of the API process, paid; its webhook goes there too. */
async function provisioned(): Promise<{ accountId: string; secrets: string[] }> {
  const checkout = sampleCheckout();
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${apiUrl}/onboarding/checkout`, { method: 'POST', headers, body: JSON.stringify(checkout) });
  const answer = (await response.json()) as CheckoutAnswer;
  await world.pay(answer);
  await world.job(answer.accountId, 'completed');
  await world.quiet(answer.accountId);
  return { accountId: answer.accountId, secrets: [checkout.email, checkout.slug, checkout.businessName, String(checkout.billingEmail)] };
}

/** The names of a span and of everything above it, from the root down. */
function way(span: ReceivedSpan): string[] {
  const parent = receiver.spans.find(({ spanId }) => spanId === span.parentSpanId);
  if (parent === undefined && span.parentSpanId) throw new Error(`the parent of ${span.name} did not come`);
  return [...(parent === undefined ? [] : way(parent)), `${span.service}: ${span.name}`];
}
const onTheWay = (names: string[], ...wanted: string[]): boolean => {
  const places = wanted.map((name) => names.indexOf(name));
  return places.every((place, index) => place > (places[index - 1] ?? -1));
};

test('P-611: one trace leads from the webhook over outbox, relay and workflow to each step, and its history replays', async () => {
  const { accountId, secrets } = await provisioned();
  const run = await eventually(() => receiver.spans.find(({ name }) => name === 'RunWorkflow:onboarding'));
  const mine = (): ReceivedSpan[] => receiver.spans.filter(({ traceId }) => traceId === run.traceId);
  // Spans come in batches, from three processes.
  await eventually(() => {
    const spans = mine();
    spans.forEach(way);
    return STEP_NAMES.every((step) => spans.some(({ name }) => name === `RunActivity:${step}`));
  }, 'every step with all its parents');

  expect(way(run)).toEqual([
    'alta-api: POST /webhooks/mercadopago',
    'alta-relay: deliver onboarding',
    'alta-relay: relay.deliver',
    'alta-relay: temporal.start-onboarding',
    'alta-relay: StartWorkflow:onboarding',
    'alta-worker: RunWorkflow:onboarding',
  ]);
  for (const step of STEP_NAMES) {
    const activity = mine().find(({ name }) => name === `RunActivity:${step}`)!;
    expect(way(activity)).toEqual([...way(run), `alta-worker: StartActivity:${step}`, `alta-worker: RunActivity:${step}`]);
    expect(activity.attributes['temporalWorkflowId']).toBe(`onboarding/${accountId}`);
  }
  const mail = mine().find(({ name }) => name === 'mailer.send')!;
  expect(onTheWay(way(mail), 'alta-api: POST /webhooks/mercadopago', 'alta-worker: RunActivity:notify', 'alta-worker: mailer.send')).toBe(
    true,
  );
  // The event of the activation is carried to the account's workflow in the same trace.
  await eventually(
    () => mine().some(({ name, service }) => name === 'deliver account' && service === 'alta-relay'),
    'the account’s delivery',
    20_000,
  );
  expect(mine().filter(({ name }) => name === 'RunWorkflow:onboarding')).toHaveLength(1);

  const everything = receiver.bodies.join('\n');
  expect(everything).toContain(accountId);
  const hidden = [...secrets, world.env['MP_ACCESS_TOKEN']!, new URL(world.env['ADMIN_DATABASE_URL']!).password, 'x-signature'];
  for (const text of hidden) expect(everything).not.toContain(text);

  const history = await world.handle(accountId).fetchHistory();
  await Worker.runReplayHistory(
    { workflowBundle: await workflowBundle(), dataConverter: dataConverter(world.config) },
    history,
    `onboarding/${accountId}`,
  );
});

test('P-611: a failure is told by its code alone', () => {
  const span = {
    name: 'RunActivity:notify',
    attributes: { 'alta.code': 'EMAIL_TAKEN', temporalTerminateReason: 'ana@example.com left', memo: { note: 'ana@example.com' } },
    events: [{ name: 'exception', attributes: { 'exception.message': 'ana@example.com is taken' } }],
    status: { code: 2, message: 'ana@example.com is taken' },
  };
  const clean = cleanSpan(span as unknown as Parameters<typeof cleanSpan>[0]);
  const { name, attributes, events, status } = clean;
  expect({ name, attributes, events, status }).toEqual({
    name: 'RunActivity:notify',
    attributes: { 'alta.code': 'EMAIL_TAKEN' },
    events: [],
    status: { code: 2 },
  });
});

test('P-611: without a collector nothing is traced, and runs that were begun in a trace go on under workers that trace nothing', async () => {
  await stop();
  const before = receiver.spans.length;
  await start({});
  const { accountId } = await provisioned();
  expect(await world.sql('select trace_context from outbox where account_id = $1 and trace_context is not null', [accountId])).toEqual([]);
  expect(receiver.spans).toHaveLength(before);
  const [started] = (await world.handle(accountId).fetchHistory()).events ?? [];
  expect(started?.workflowExecutionStartedEventAttributes?.header?.fields ?? {}).toEqual({});
});
