import { serve } from '@hono/node-server';
import { App, setExperimental } from '@supabase/lite';
import { createPostgresConnection } from '@supabase/lite/postgres';
import postgres from 'postgres';
import type { AddressInfo } from 'node:net';
import { createAuthAdmin } from './auth-admin.ts';
import { applyMigrations, ensureRoles, reapplyAccess } from './migrations.ts';
import { createFileStorage } from './storage-files.ts';

export interface ClusterOptions {
  /** Database that holds this cluster and nothing else; it must exist. */
  databaseUrl: string;
  /** `sb_publishable_...`: what a visitor's browser holds. */
  publishableKey: string;
  /** `sb_secret_...`: what Alta holds. */
  secretKey: string;
  jwtSecret: string;
  /** Folder of the storage objects; made when absent. */
  storageDir: string;
  /** 0 picks a free port; a fixed one lets a cluster that was killed come back at its address. */
  port: number;
  /** Where recovery links lead to unless they say otherwise. */
  siteUrl?: string;
}

export interface RunningCluster {
  url: string;
  port: number;
  publishableKey: string;
  secretKey: string;
  /** Versions of the migrations that this start applied. */
  migrated: string[];
  /** Stops taking requests, ends those under way and closes the connections. */
  close(): Promise<void>;
}

/** How long requests under way may still take once the end was asked for, ms. */
const CLOSE_WITHIN_MS = 2_000;

/**
 * Starts a Supabase-compatible cluster on a PostgreSQL database, listening on 127.0.0.1 only. The schema is brought up to date
 * before the first request is taken. Rejects when the database does not answer or the port is taken.
 */
export async function startCluster(options: ClusterOptions): Promise<RunningCluster> {
  setExperimental('storage', true);
  const siteUrl = options.siteUrl ?? 'http://127.0.0.1';
  const sql = postgres(options.databaseUrl, { max: 4, onnotice: () => {}, connection: { TimeZone: 'UTC' } });
  let url = '';
  const connection = createPostgresConnection({ url: options.databaseUrl, postgresOptions: { max: 10, onnotice: () => {} } });
  try {
    await ensureRoles(sql);
    const app = new App({
      connection,
      auth: {
        enabled: true,
        jwt_secret: options.jwtSecret,
        publishable_key: options.publishableKey,
        secret_key: options.secretKey,
        site_url: siteUrl,
        additional_redirect_urls: ['http://127.0.0.1:*/**', 'http://localhost:*/**'],
      },
      storage: { enabled: true, file_size_limit: '1MiB' },
      options: {
        server: {
          disableStudio: true,
          middlewares: [createAuthAdmin(sql, { secretKey: options.secretKey, publicUrl: () => url, siteUrl })],
        },
      },
    });
    app._storageAdapter = createFileStorage(options.storageDir);
    await app.ensureSystemSchema();
    const migrated = await applyMigrations(sql);
    // The first request with a role makes the stand-in grant all tables to all roles, so it happens here and is put right.
    await connection.withContext({ auth: { role: 'service_role' } }, () => Promise.resolve());
    await reapplyAccess(sql);

    const server = serve({ fetch: (request) => app.fetch(request), hostname: '127.0.0.1', port: options.port });
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
    const { port } = server.address() as AddressInfo;
    url = `http://127.0.0.1:${port}`;
    const close = async (): Promise<void> => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), CLOSE_WITHIN_MS).unref();
      });
      await Promise.all([connection.close(), sql.end({ timeout: 5 })]);
    };
    return { url, port, publishableKey: options.publishableKey, secretKey: options.secretKey, migrated, close };
  } catch (error) {
    await Promise.allSettled([connection.close(), sql.end({ timeout: 1 })]);
    throw error;
  }
}
