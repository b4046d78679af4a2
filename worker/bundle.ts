import { bundleWorkflowCode, type WorkflowBundleOption } from '@temporalio/worker';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The module that exports every workflow. */
export const WORKFLOWS_PATH = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/**
 * The workflow code as the worker runs it: a bundle built beforehand (`ALTA_WORKFLOW_BUNDLE` names the file), else one that is
 * built now, once for all workers of the process.
 */
export async function workflowBundle(codePath = process.env['ALTA_WORKFLOW_BUNDLE']): Promise<WorkflowBundleOption> {
  if (codePath !== undefined && codePath !== '') return { code: await readFile(codePath, 'utf8') };
  return bundleWorkflowCode({ workflowsPath: WORKFLOWS_PATH, logger: undefined as never });
}
