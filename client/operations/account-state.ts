import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { QUERY_ACCOUNT_STATE, type AccountState } from '../../contract/account.ts';
import { isAltaError } from '../../contract/errors.ts';
import { accountWorkflowId } from '../../contract/ids.ts';
import { callTemporal } from '../temporal.ts';

/** What an account's workflow says of itself; null when it has no run, or no worker answers. */
export async function stateOf(temporal: Client, accountId: string): Promise<AccountState | null> {
  try {
    return await callTemporal(temporal, 'temporal.query-account', () =>
      temporal.workflow.getHandle(accountWorkflowId(accountId)).query<AccountState>(QUERY_ACCOUNT_STATE),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || (isAltaError(error) && error.code === 'TEMPORAL_UNAVAILABLE')) return null;
    throw error;
  }
}
