import { Listr } from 'listr2';
import { createAdminDb, type AdminDb, type JobDetails, type StepRecord } from '../../adapters/admin-db/index.ts';
import { createVault } from '../../adapters/vault/index.ts';
import type { CheckoutAnswer } from '../../contract/checkout.ts';
import { STEP_NAMES } from '../../contract/steps.ts';
import { PROGRESS } from '../progress.ts';
import type { Stack } from '../stack.ts';
import { connectMercadoPago, inventOrder, payOrder, placeOrder } from './order.ts';
import { findStore, linkFromMail, readPagesAsVisitor, signInAsOwner, type OpenStore } from './proof.ts';
import { describeStep, type Outcome } from './story.ts';
import { watchOnboarding } from './watch.ts';

interface Context {
  answer: CheckoutAnswer;
  details: JobDetails;
  store: OpenStore;
  pages: string[];
}

/**
 * One order through the front door, shown as it goes: checkout, connection, payment, the signed webhook, every step of the
 * onboarding, and the proof that the store can be used. Throws what failed.
 */
export async function runDemo(stack: Stack, signal: AbortSignal): Promise<Outcome> {
  const db = createAdminDb(stack.adminDatabaseUrl);
  const vault = createVault(stack.env['ALTA_VAULT_KEYS'] ?? '');
  const form = inventOrder();
  const tasks = new Listr<Context>(
    [
      {
        title: `order ${form.slug}: POST /onboarding/checkout`,
        task: async (context, task) => {
          context.answer = await placeOrder(stack.apiUrl, form);
          task.title += `: ${context.answer.currency} ${context.answer.amount}`;
        },
      },
      {
        title: 'the owner connects Mercado Pago: OAuth code for tokens, into the vault',
        task: (context) => connectMercadoPago(stack, db, vault, context.answer.accountId),
      },
      {
        title: 'pay: Mercado Pago sends its signed webhook to the API',
        task: async (context, task) => {
          task.title += `: payment ${await payOrder(stack, context.answer.preferenceId)}`;
        },
      },
      { title: 'onboarding', task: (_context, task) => task.newListr(stepTasks(db, signal), { concurrent: true, exitOnError: true }) },
      {
        title: 'a visitor reads the seeded pages with the publishable key',
        task: async (context, task) => {
          context.store = await findStore(stack.apiUrl, form.slug);
          context.pages = await readPagesAsVisitor(context.store);
          task.title += `: ${context.pages.length} pages`;
        },
      },
      {
        title: 'the owner opens the mailed link, sets a password and signs in with supabase-js',
        task: async (context) => {
          await signInAsOwner(context.store, form.email, await linkFromMail(stack.mail, form.email));
        },
      },
    ],
    {
      ...PROGRESS,
      concurrent: false,
      exitOnError: true,
      rendererOptions: { collapseSubtasks: false, collapseSkips: false },
    },
  );
  try {
    const { details, store, pages } = await tasks.run();
    return { details, store, pages, owner: form.email };
  } finally {
    await db.close();
  }
}

interface StepLine {
  title: string;
  /** Why there is nothing to show for it. */
  skipped?: string;
}

interface StepTask {
  title: string;
  skip: (message?: string) => void;
}

/** One line for each step; a line is done when the ledger says so. A failure is shown at its step; the others were not reached. */
function stepTasks(db: AdminDb, signal: AbortSignal): { title: string; task: (context: Context, task: StepTask) => Promise<void> }[] {
  const gates = new Map(STEP_NAMES.map((step) => [step, Promise.withResolvers<StepLine>()]));
  for (const gate of gates.values()) gate.promise.catch(() => undefined);
  let newest: StepRecord[] = [];
  const onLook = ({ steps }: JobDetails): void => {
    newest = steps;
    for (const record of steps) {
      const title = describeStep(record.step, record);
      if (record.state === 'done') gates.get(record.step)?.resolve({ title });
      if (record.state === 'skipped') gates.get(record.step)?.resolve({ title, skipped: 'skipped' });
    }
  };
  const watch = async (context: Context): Promise<void> => {
    try {
      context.details = await watchOnboarding(db, context.answer.accountId, { onLook, signal });
    } catch (error) {
      const blamed = newest.find(({ state }) => state === 'failed') ?? newest.find(({ state }) => state !== 'done');
      gates.get(blamed?.step ?? STEP_NAMES[0] ?? 'verify-payment')?.reject(error);
    }
    for (const [step, gate] of gates) gate.resolve({ title: describeStep(step, undefined), skipped: 'not reached' });
  };
  let watching: Promise<void> | undefined;
  return STEP_NAMES.map((step) => ({
    title: describeStep(step, undefined),
    task: async (context, task) => {
      watching ??= watch(context);
      const line = await gates.get(step)?.promise;
      if (line !== undefined) task.title = line.title;
      if (line?.skipped !== undefined) task.skip(line.skipped);
      // The job ends a moment after its last step; what comes next needs the ended job.
      if (step === STEP_NAMES.at(-1)) await watching;
    },
  }));
}
