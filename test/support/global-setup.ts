import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMPILE_CACHE } from '../../local/paths.ts';
import { createSupervisor, type Supervisor } from '../../local/processes.ts';
import { startPostgres } from '../../local/postgres.ts';
import { startTemporal } from '../../local/temporal.ts';
import { buildBundle } from '../../worker/bundle.ts';
import { startTestCluster } from './shared-clusters.ts';

declare global {
  var altaTestStack: { supervisor: Supervisor; dir: string } | undefined;
}

/**
 * One real stack for the whole run: PostgreSQL, Temporal and two clusters, each a process of its own. Every test file makes its
 * own Admin DB in it, its own task queues, and its own Mercado Pago simulator. The workflows are bundled once.
 */
export default async function setUp(): Promise<void> {
  // Alta's processes, of which the tests start hundreds, find their code compiled.
  process.env['NODE_COMPILE_CACHE'] ??= COMPILE_CACHE;
  const dir = mkdtempSync(join(tmpdir(), 'alta-test-'));
  const supervisor = createSupervisor({ dataDir: dir });
  globalThis.altaTestStack = { supervisor, dir };
  try {
    const [postgres, temporal, bundle] = await Promise.all([
      startPostgres({ supervisor, password: randomBytes(12).toString('hex'), durable: false }),
      startTemporal({ supervisor, note: (text) => process.stderr.write(`${text}\n`) }),
      buildBundle(),
    ]);
    const bundlePath = join(dir, 'workflows.bundle.js');
    writeFileSync(bundlePath, bundle.code);
    process.env['ALTA_WORKFLOW_BUNDLE'] = bundlePath;
    process.env['ALTA_TEST_PG_URL'] = postgres.url('postgres');
    process.env['ALTA_TEST_TEMPORAL_ADDRESS'] = temporal.address;
    const clusters = await Promise.all(['one', 'two'].map((name) => startTestCluster({ supervisor, postgres, name, dir })));
    process.env['ALTA_TEST_CLUSTERS'] = JSON.stringify(clusters.map(({ child: _, ...facts }) => facts));
  } catch (error) {
    await supervisor.stopAll();
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}
