import { WorkflowIdReusePolicy } from '@temporalio/client';
import { AltaError } from '../../contract/errors.ts';
import { OWNER_NOTICE_WORKFLOW, ownerNoticeWorkflowId, taskQueue } from '../../contract/ids.ts';
import { noticeAskedSchema } from '../../contract/outbox.ts';
import type { OwnerNoticeInput } from '../../contract/notices.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { startOrLook } from '../operations/runs.ts';
import type { Deliver } from './deps.ts';

/** Starts the run that tells the owner of one event; one that is there already does the same. */
export const deliverNotice: Deliver = async ({ temporal, config }, row) => {
  const parsed = noticeAskedSchema.safeParse(row.payload);
  if (!parsed.success) throw new AltaError('INPUT_INVALID', `outbox ${row.eventKey}: not a notice`);
  const { type: _, ...notice } = parsed.data;
  await startOrLook(temporal, 'owner-notice', OWNER_NOTICE_WORKFLOW, {
    workflowId: ownerNoticeWorkflowId(notice.eventKey),
    taskQueue: taskQueue('accounts', config.ALTA_QUEUE_PREFIX),
    args: [notice satisfies OwnerNoticeInput],
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.account, value: notice.accountId }],
    staticSummary: 'tells the owner of a store what happened to it',
  });
  return {};
};
