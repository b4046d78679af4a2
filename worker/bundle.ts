import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle, type WorkflowBundleOption } from '@temporalio/worker';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { FAILURE_CONVERTER_PATH } from '../adapters/temporal/index.ts';
import { AltaError } from '../contract/errors.ts';

/** The module that exports every workflow. */
export const WORKFLOWS_PATH = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/** What runs around workflows, inside of their isolate. Whoever bundles them names it, or they are bundled without it. */
export const WORKFLOW_INTERCEPTORS = [fileURLToPath(new URL('../workflows/tracing.ts', import.meta.url))];

/** What all runs of a thread share. */
const PRELOADED = fileURLToPath(new URL('../workflows/preload.ts', import.meta.url));

/**
 * Builds the workflow code as the worker runs it: the one place that says how. It encodes failures as the processes around it do.
 * `workflowsPath` is another module for a test.
 */
export const buildBundle = (workflowsPath = WORKFLOWS_PATH): Promise<WorkflowBundle> =>
  bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules: WORKFLOW_INTERCEPTORS,
    failureConverterPath: FAILURE_CONVERTER_PATH,
    preloadModules: [PRELOADED],
    logger: new DefaultLogger('WARN'),
  });

/**
 * The workflow code as the worker runs it: a bundle built beforehand (`ALTA_WORKFLOW_BUNDLE` names the file), else one that is
 * built now, once for all workers of the process. Throws CONFIG_INVALID when the file cannot be read.
 */
export async function workflowBundle(codePath = process.env['ALTA_WORKFLOW_BUNDLE']): Promise<WorkflowBundleOption> {
  if (codePath === undefined || codePath === '') return buildBundle();
  try {
    return { code: await readFile(codePath, 'utf8') };
  } catch (error) {
    throw new AltaError('CONFIG_INVALID', `ALTA_WORKFLOW_BUNDLE: ${codePath} cannot be read; write it with \`npm run build:bundle\``, {
      cause: error,
    });
  }
}

/**
 * In production mode the code that runs is the code that was built and tested: nothing is bundled at start. Throws
 * CONFIG_INVALID when no bundle is named.
 */
export function requireBundle(config: { NODE_ENV: string; ALTA_WORKFLOW_BUNDLE?: string | undefined }): void {
  if (config.NODE_ENV === 'production' && config.ALTA_WORKFLOW_BUNDLE === undefined)
    throw new AltaError(
      'CONFIG_INVALID',
      'ALTA_WORKFLOW_BUNDLE: is missing; write a bundle with `npm run build:bundle` and name it, or set NODE_ENV=development',
    );
}
