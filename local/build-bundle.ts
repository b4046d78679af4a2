import { writeFile } from 'node:fs/promises';
import { bundleWorkflowCode } from '@temporalio/worker';
import { WORKFLOWS_PATH } from '../worker/bundle.ts';

/** `node local/build-bundle.ts <file>`: writes the workflows' bundle to a file. */
const [, , file] = process.argv;
if (file === undefined) throw new Error('name the file to write');
const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS_PATH });
await writeFile(file, code);
