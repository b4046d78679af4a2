import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildBundle } from './bundle.ts';

/**
 * `npm run build:bundle [-- <file> [<module>]]`: writes the workflows' bundle, by default to dist/workflows.bundle.js. The file appears
 * whole or not at all. A module other than workflows/index.ts is for tests.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const [, , file = resolve(root, 'dist/workflows.bundle.js'), workflowsPath] = process.argv;
const { code } = await buildBundle(workflowsPath);
await mkdir(dirname(resolve(file)), { recursive: true });
const draft = `${file}.${process.pid}`;
await writeFile(draft, code);
await rename(draft, file);
process.stdout.write(`${relative(process.cwd(), resolve(file))}: ${Math.round(code.length / 1024)} KiB\n`);
