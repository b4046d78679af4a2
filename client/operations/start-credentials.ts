import { type Client, WorkflowIdReusePolicy } from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import type { CredentialsInput } from '../../contract/credentials.ts';
import { CREDENTIALS_WORKFLOW, credentialsWorkflowId, taskQueue } from '../../contract/ids.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { startOrLook } from './runs.ts';

export interface CredentialsStartDeps {
  temporal: Client;
  config: Pick<Config, 'ALTA_QUEUE_PREFIX' | 'ALTA_CREDENTIALS_POLICY'>;
}

/**
 * Starts the run of one task about one account's consent. One that is under way serves whoever asked again: it reads the consent as it
 * is. A consent that a seller brought is exchanged by one run, ever. Throws TEMPORAL_UNAVAILABLE or INTERNAL.
 */
export async function startCredentials(
  { temporal, config }: CredentialsStartDeps,
  { accountId, task, authorizationId }: Omit<CredentialsInput, 'policy'>,
): Promise<void> {
  await startOrLook(temporal, 'credentials', CREDENTIALS_WORKFLOW, {
    workflowId: credentialsWorkflowId(accountId, task, authorizationId),
    taskQueue: taskQueue('accounts', config.ALTA_QUEUE_PREFIX),
    args: [{ accountId, task, authorizationId, policy: config.ALTA_CREDENTIALS_POLICY } satisfies CredentialsInput],
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.state, value: 'Running' },
      { key: SEARCH_ATTRIBUTES.account, value: accountId },
    ],
    staticSummary: `Mercado Pago consent: ${task}`,
  });
}
