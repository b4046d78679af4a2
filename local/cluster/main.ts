import { startCluster } from './start.ts';

/** The value of a setting, from `--name=value` or else from the environment; exits with 2 when it is nowhere. */
function setting(argument: string, variable: string, fallback?: string): string {
  const prefix = `--${argument}=`;
  const value = process.argv.find((word) => word.startsWith(prefix))?.slice(prefix.length) ?? process.env[variable] ?? fallback;
  if (value === undefined || value === '') {
    process.stderr.write(`cluster: set ${variable} or --${argument}=...\n`);
    process.exit(2);
  }
  return value;
}

/** How a statement fails whose connection was cut: by the server, by the driver, by the network. */
const CUT = /^(57P0[1-3]|08\d{3}|55000|CONNECTION_\w+|CONNECT_TIMEOUT|ECONNRESET|ECONNREFUSED|EPIPE)$/;

/** The driver itself trips over a connection that was cut while it wrote (a null socket). */
const trippedDriver = (error: unknown): boolean =>
  error instanceof TypeError && /[\\/]node_modules[\\/]postgres[\\/]/.test(error.stack ?? '');

/**
 * The stand-in also asks its database by itself, and nobody waits for those answers: a cut connection would end the process. A cluster
 * outlives its connections; the next request opens new ones.
 */
function outliveCutConnections(): void {
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (error: unknown) => {
      const { code, message } = (error ?? {}) as { code?: string; message?: string };
      process.stderr.write(`cluster: ${code ?? 'unforeseen'}: ${message ?? String(error)}\n`);
      if (!trippedDriver(error) && (code === undefined || !CUT.test(code))) process.exit(1);
    });
  }
}

/** One cluster as one process: prints one JSON line when it is ready, ends with 0 on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const cluster = await startCluster({
    databaseUrl: setting('database-url', 'CLUSTER_DATABASE_URL'),
    publishableKey: setting('publishable-key', 'CLUSTER_PUBLISHABLE_KEY'),
    secretKey: setting('secret-key', 'CLUSTER_SECRET_KEY'),
    jwtSecret: setting('jwt-secret', 'CLUSTER_JWT_SECRET'),
    storageDir: setting('storage-dir', 'CLUSTER_STORAGE_DIR'),
    port: Number(setting('port', 'CLUSTER_PORT', '0')),
    siteUrl: setting('site-url', 'CLUSTER_SITE_URL', 'http://127.0.0.1'),
  });
  outliveCutConnections();
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    cluster.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  const { url, publishableKey, secretKey, migrated } = cluster;
  process.stdout.write(`${JSON.stringify({ url, publishableKey, secretKey, migrated: migrated.length })}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`cluster: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
