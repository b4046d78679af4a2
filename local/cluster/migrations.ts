import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type postgres from 'postgres';

type Sql = postgres.Sql;

/** Folder of the clusters' schema, where the Supabase CLI expects it. */
export const MIGRATIONS_DIR = path.resolve(import.meta.dirname, '../../supabase/migrations');

/** The roles of a hosted project. They belong to the whole server, so another cluster may be making them right now. */
const ROLES = ['anon', 'authenticated', 'service_role'].map(
  (role) => `do $$ begin
    create role ${role} nologin ${role === 'service_role' ? 'bypassrls' : ''};
  exception when duplicate_object or unique_violation then null;
  end $$;`,
);

/** Makes the roles that a hosted project has from the start. */
export async function ensureRoles(sql: Sql): Promise<void> {
  for (const statement of ROLES) await sql.unsafe(statement);
}

/**
 * Applies the migrations that the database does not have yet, each in a transaction with its row in the history table that the
 * Supabase CLI uses too. Returns the versions applied.
 */
export async function applyMigrations(sql: Sql, directory = MIGRATIONS_DIR): Promise<string[]> {
  await sql.unsafe(`create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text)`);
  const known = new Set(
    (await sql<{ version: string }[]>`select version from supabase_migrations.schema_migrations`).map((row) => row.version),
  );
  const applied: string[] = [];
  for (const file of (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()) {
    const [version = '', ...rest] = file.replace(/\.sql$/, '').split('_');
    if (known.has(version)) continue;
    const text = await readFile(path.join(directory, file), 'utf8');
    await sql.begin(async (tx) => {
      await tx.unsafe(text);
      await tx`insert into supabase_migrations.schema_migrations (version, name, statements) values (${version}, ${rest.join('_')}, ${[text]})`;
    });
    applied.push(version);
  }
  return applied;
}

/**
 * Runs the file that says who may do what once more. The stand-in grants everything to every role when it first meets a table
 * with row security, which a hosted project does not do.
 */
export async function reapplyAccess(sql: Sql, directory = MIGRATIONS_DIR): Promise<void> {
  const file = (await readdir(directory)).find((name) => name.endsWith('_access.sql'));
  if (file === undefined) return;
  const text = await readFile(path.join(directory, file), 'utf8');
  await sql.begin((tx) => tx.unsafe(text));
}
