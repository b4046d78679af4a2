import { Listr } from 'listr2';
import { createAdminDb, type AdminDb, type JobDetails } from '../../adapters/admin-db/index.ts';
import { createVault } from '../../adapters/vault/index.ts';
import type { CheckoutAnswer } from '../../contract/checkout.ts';
import { AltaError } from '../../contract/errors.ts';
import { STEP_NAMES, type StepName } from '../../contract/steps.ts';
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
    { concurrent: false, exitOnError: true, registerSignalListeners: false, rendererOptions: { collapseSubtasks: false } },
  );
  try {
    const { details, store, pages } = await tasks.run();
    return { details, store, pages, owner: form.email };
  } finally {
    await db.close();
  }
}

interface Gate {
  promise: Promise<string>;
  open: (title: string) => void;
  fail: (error: unknown) => void;
}

/** One line for each step; a line is done when the ledger says so. */
function stepTasks(db: AdminDb, signal: AbortSignal): { title: string; task: (context: Context, task: { title: string }) => Promise<void> }[] {
  const gates = new Map<StepName, Gate>(
    STEP_NAMES.map((step) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      promise.catch(() => undefined);
      return [step, { promise, open: resolve, fail: reject }];
    }),
  );
  const onLook = ({ steps }: JobDetails): void => {
    for (const record of steps) {
      const gate = gates.get(record.step);
      if (record.state === 'done') gate?.open(describeStep(record.step, record));
      if (record.state === 'skipped') gate?.open(`${describeStep(record.step, record)}: skipped`);
    }
  };
  let watching: Promise<void> | undefined;
  const watch = async (context: Context): Promise<void> => {
    try {
      context.details = await watchOnboarding(db, context.answer.accountId, { onLook, signal });
      for (const [step, gate] of gates) gate.fail(new AltaError('INTERNAL', `the onboarding ended without the step ${step}`));
    } catch (error) {
      for (const gate of gates.values()) gate.fail(error);
    }
  };
  return STEP_NAMES.map((step) => ({
    title: describeStep(step, undefined),
    task: async (context, task) => {
      watching ??= watch(context);
      task.title = (await gates.get(step)?.promise) ?? task.title;
      if (step === STEP_NAMES.at(-1)) await watching;
    },
  }));
}
