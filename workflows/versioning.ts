import { workflowInfo } from '@temporalio/workflow';

/**
 * For `setWorkflowOptions`: a run of this workflow ends on the version of the workers that it began on. It says nothing on a worker
 * without a build id, because the server refuses such a worker's tasks then ("versioning behavior cannot be specified without …").
 */
export const pinned = (): { versioningBehavior?: 'PINNED' } =>
  workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'PINNED' } : {};
