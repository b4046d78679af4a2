import type { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdminDb, loadCluster } from '../../adapters/admin-db/index.ts';
import { createClusterRouter } from '../../adapters/cluster/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { createMercadoPago } from '../../adapters/mercadopago/index.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { connectTemporal } from '../temporal.ts';
import { verifyTwice, type Verification } from '../operations/verify/index.ts';
import { readEnvironment } from './context.ts';
import { count } from './numbers.ts';
import { EXIT, print, printJson, table } from './output.ts';

/** `alta verify`: the oracle for operators. Exit 1 when a law is broken, or something could not be looked at. */
export function verifyCommand(program: Command): void {
  program
    .command('verify')
    .description(
      'hold every account, cluster, payment, event and run against the laws; changes nothing. Needs a login that may become alta_worker; exit 1 when one is broken',
    )
    .option(
      '--settle <seconds>',
      'what is broken is looked at again after this, and told only when it still is',
      count('--settle', 3_600, 0),
      5,
    )
    .option('--late <seconds>', 'how long an event may be on its way, or a payment without its store', count('--late', 86_400), 900)
    .option('--histories <count>', 'newest runs whose whole history is searched for secrets', count('--histories', 1_000_000, 0), 20)
    .option('--payments <count>', 'payments that Mercado Pago is asked about', count('--payments', 1_000_000, 0), 1_000)
    .option('--payment-days <days>', 'how far back those payments go', count('--payment-days', 3_650), 30)
    .option('--json', 'machine-readable')
    .action(async ({ settle, late, histories, payments, paymentDays, json }: Options) => {
      const config = loadConfig(readEnvironment());
      const vault = createVault(config.ALTA_VAULT_KEYS);
      const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'worker', log: createLogger('alta-cli', 'silent') });
      const clusters = createClusterRouter({ load: (id) => loadCluster(db, vault, id), timeoutMs: config.CLUSTER_TIMEOUT_MS });
      const temporal = connectTemporal(config);
      const mp = createMercadoPago({ baseUrl: config.MP_BASE_URL, accessToken: config.MP_ACCESS_TOKEN, timeoutMs: config.MP_TIMEOUT_MS });
      const deps = { db, clusters, temporal: temporal.client, config, ...(payments === 0 ? {} : { mp }) };
      const options = { lateSeconds: late, histories, payments, paymentDays, foreignObjects: true };
      try {
        const verification = await verifyTwice(deps, () => sleep(settle * 1_000), options);
        if (json) printJson(verification);
        else print(textOf(verification));
        const blind = verification.unseen.length + verification.sources.filter(({ code }) => code !== null).length;
        if (verification.violations.length + blind > 0) process.exitCode = EXIT.failed;
      } finally {
        await temporal.close();
        await db.close();
      }
    });
}

interface Options {
  settle: number;
  late: number;
  histories: number;
  payments: number;
  paymentDays: number;
  json?: boolean;
}

const LOOKED = { temporal: 'open runs', histories: 'histories', 'mercado-pago': 'payments of Mercado Pago' } as const;

function textOf({ accounts, tenants, unseen, sources, violations }: Verification): string {
  const head = `${String(accounts)} accounts and ${String(tenants)} client rows were looked at: ${violations.length === 0 ? 'no law is broken' : `${String(violations.length)} broken`}`;
  const blind = unseen.map(({ clusterId, code }) => `cluster ${clusterId} gave no answer (${code}): what stands there was not looked at`);
  const beside = sources.map(({ source, looked, complete, code }) => {
    const rest = code === null ? (complete ? '' : ', there are more') : `, not all: ${code}`;
    return `${String(looked)} ${LOOKED[source]} were looked at${rest}`;
  });
  const rows = violations.map(({ law, accountId, row, what }) => [law, accountId ?? '-', row, what]);
  return [head, ...beside, ...blind, ...(rows.length === 0 ? [] : [table(['LAW', 'ACCOUNT', 'ROW', 'WHAT'], rows)])].join('\n');
}
