import type { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdminDb, loadCluster } from '../../adapters/admin-db/index.ts';
import { createClusterRouter } from '../../adapters/cluster/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { verifyTwice, type Verification } from '../operations/verify/index.ts';
import { readEnvironment } from './context.ts';
import { count } from './numbers.ts';
import { EXIT, print, printJson, table } from './output.ts';

/** `alta verify`: the oracle for operators. Exit 1 when a law is broken, or a cluster could not be looked at. */
export function verifyCommand(program: Command): void {
  program
    .command('verify')
    .description(
      'hold every account, cluster, payment and event against the laws; changes nothing. Needs a login that may become alta_worker; exit 1 when one is broken',
    )
    .option(
      '--settle <seconds>',
      'what is broken is looked at again after this, and told only when it still is',
      count('--settle', 3_600, 0),
      5,
    )
    .option('--late <seconds>', 'how long an event may be on its way, or a payment without its store', count('--late', 86_400), 900)
    .option('--json', 'machine-readable')
    .action(async ({ settle, late, json }: { settle: number; late: number; json?: boolean }) => {
      const config = loadConfig(readEnvironment());
      const vault = createVault(config.ALTA_VAULT_KEYS);
      const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'worker', log: createLogger('alta-cli', 'silent') });
      const clusters = createClusterRouter({ load: (id) => loadCluster(db, vault, id), timeoutMs: config.CLUSTER_TIMEOUT_MS });
      try {
        const verification = await verifyTwice({ db, clusters }, () => sleep(settle * 1_000), { lateSeconds: late });
        if (json) printJson(verification);
        else print(textOf(verification));
        if (verification.violations.length + verification.unseen.length > 0) process.exitCode = EXIT.failed;
      } finally {
        await db.close();
      }
    });
}

function textOf({ accounts, tenants, unseen, violations }: Verification): string {
  const head = `${String(accounts)} accounts and ${String(tenants)} client rows were looked at: ${violations.length === 0 ? 'no law is broken' : `${String(violations.length)} broken`}`;
  const blind = unseen.map(({ clusterId, code }) => `cluster ${clusterId} gave no answer (${code}): what stands there was not looked at`);
  const rows = violations.map(({ law, accountId, row, what }) => [law, accountId ?? '-', row, what]);
  return [head, ...blind, ...(rows.length === 0 ? [] : [table(['LAW', 'ACCOUNT', 'ROW', 'WHAT'], rows)])].join('\n');
}
