import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/client';
import { ACCOUNT_TASK_TIMEOUT } from '../../contract/account.ts';
import { accountWorkflowId, taskQueue } from '../../contract/ids.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';

/** How the workflow of an account is started by whoever has something to tell it: the run that is there goes on. */
export const accountRun = (accountId: string, queuePrefix: string) => ({
  workflowId: accountWorkflowId(accountId),
  taskQueue: taskQueue('accounts', queuePrefix),
  args: [accountId] as [string],
  workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
  workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.account, value: accountId }],
  workflowTaskTimeout: ACCOUNT_TASK_TIMEOUT,
  staticSummary: 'keeps one store right',
});
