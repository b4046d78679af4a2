import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { inventOrder, payOrder, placeOrder } from '../../local/demo/order.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';

/**
 * An operator's browser before the local stack's Temporal Web UI: what docs/keys.md tells an operator to do is done here by hand, so to
 * speak, and the page is read as it shows.
 */
const WAIT_MS = 120_000;
let stack: Stack;
let browser: Browser;
let history: string;
let accountId: string;
const contexts: BrowserContext[] = [];

beforeAll(async () => {
  [stack, browser] = await Promise.all([startStack({ ephemeral: true }), launchChromium()]);
  const order = await placeOrder(stack.apiUrl, inventOrder());
  await payOrder(stack, order.preferenceId);
  ({ accountId } = order);
  const runId = await eventually(async () => completedRun(accountId), 'a completed onboarding', WAIT_MS);
  const namespace = stack.env['TEMPORAL_NAMESPACE']!;
  history = `${stack.env['TEMPORAL_UI_URL']!}/namespaces/${namespace}/workflows/${encodeURIComponent(`onboarding/${accountId}`)}/${runId}/history`;
}, 600_000);
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
});
afterAll(async () => {
  await browser.close();
  await stack.close();
});

async function completedRun(account: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: stack.adminDatabaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ run: string }>(
      `select run_id as run from provisioning_jobs where account_id = $1 and status = 'completed'`,
      [account],
    );
    return rows[0]?.run;
  } finally {
    await client.end();
  }
}

interface Desk {
  page: Page;
  /** Statuses of the codec endpoint's answers, newest last. */
  answers: number[];
}

/** A browser of somebody's own: no cookie, no sign-in, no setting. */
async function sitDown(): Promise<Desk> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1400 } });
  context.setDefaultTimeout(WAIT_MS);
  contexts.push(context);
  const page = await context.newPage();
  const answers: number[] = [];
  page.on('response', (response) => {
    if (response.url() === `${stack.apiUrl}/codec/decode` && response.request().method() === 'POST') answers.push(response.status());
  });
  return { page, answers };
}

/** Signs in at the codec endpoint, as a browser's own question for name and token would. */
async function signIn(page: Page, name: string, token: string): Promise<number | undefined> {
  const address = new URL(`${stack.apiUrl}/codec`);
  Object.assign(address, { username: name, password: token });
  return (await page.goto(address.href))?.status();
}

/** The Web UI's own codec settings, in its dialog: the endpoint of this browser, with credentials. */
async function setCodec(page: Page): Promise<void> {
  await page.locator('[data-testid^="data-encoder-status"]').click();
  const choice = page.getByRole('button', { name: /^Use (Cluster-level|my browser) setting/ });
  await choice.click();
  await page.getByText('Use my browser setting and ignore Cluster-level setting.').click();
  // Closed again, it covers none of what stands below it.
  await choice.click();
  await page.getByPlaceholder('Paste your endpoint here').fill(`${stack.apiUrl}/codec`);
  await page.getByTestId('data-encoder-include-credentials').click();
  await page.getByTestId('confirm-data-encoder-button').click();
  await page.reload();
}

const shown = (page: Page): Promise<string> => page.locator('body').innerText();
const OPENED = (): RegExp => new RegExp(`"accountId":\\s*"${accountId}"`);
const shows = (page: Page, what: RegExp): Promise<string> =>
  eventually(
    async () => {
      const text = await shown(page);
      if (!what.test(text)) throw new Error(`it shows ${text.slice(0, 4_000)}`);
      return text;
    },
    `a page that shows ${String(what)}`,
    WAIT_MS,
  );
const operator = (): [name: string, token: string] => {
  const [name = '', token = ''] = stack.env['ALTA_OPERATOR_TOKENS']!.split(':');
  return [name, token];
};

test('P-615: an operator who signed in reads the payloads of a run in the Web UI', async () => {
  const { page, answers } = await sitDown();
  expect(await signIn(page, ...operator())).toBe(200);
  expect(await shown(page)).toContain('Signed in as local');
  await page.goto(history);
  await shows(page, /Codec Server could not connect/);
  await setCodec(page);
  const text = await shows(page, OPENED());
  expect(text).toContain('Workflow Execution Completed');
  expect(text).not.toContain('Codec Server could not connect');
  expect(answers.at(-1)).toBe(200);
}, 300_000);

test('P-615: somebody who did not sign in sees the run and no payload', async () => {
  const { page, answers } = await sitDown();
  await page.goto(history);
  await shows(page, /Codec Server could not connect/);
  // Its input, sealed, and its steps are there; what it says is not.
  const text = await shows(page, /"alta-key"/);
  expect(text).not.toMatch(OPENED());
  expect(await page.content()).not.toMatch(OPENED());
  expect(answers.length).toBeGreaterThan(0);
  expect(new Set(answers)).toEqual(new Set([401]));
}, 300_000);

test('a machine without a Chromium is told how to get one', () => {
  expect(() => chromiumPath({ PATH: '/nowhere' })).toThrow(/apt-get install .*chromium/);
  expect(chromiumPath({ CHROMIUM_PATH: '/opt/chromium' })).toBe('/opt/chromium');
});
