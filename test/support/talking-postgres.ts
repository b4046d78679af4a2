import pg from 'pg';
import { startPostgres } from './embedded-postgres.ts';
import type { Haystack } from './leaks.ts';

/** A PostgreSQL that writes down everything that it is told: each statement with its parameters, also those of failed ones. */
export interface TalkingPostgres {
  url(database: string): string;
  /** Runs one statement as the superuser. */
  execute(text: string): Promise<void>;
  /** What is in its log by now, one haystack a database. */
  log(): Haystack[];
  /** What its statistics views keep of statements, of all databases. */
  statistics(): Promise<Haystack[]>;
  stop(): Promise<void>;
}

const TALK = {
  shared_preload_libraries: 'pg_stat_statements',
  track_activity_query_size: '1MB',
  log_min_duration_statement: '0',
  log_parameter_max_length: '-1',
  log_parameter_max_length_on_error: '-1',
  log_line_prefix: '@%d@ ',
};

/** Starts one on files of its own. */
export async function startTalkingPostgres(password: string): Promise<TalkingPostgres> {
  const lines: string[] = [];
  const { url, stop } = await startPostgres({ password, settings: TALK, onLog: (text) => void lines.push(text) });
  const watcher = new pg.Pool({ connectionString: url('postgres'), max: 1 });
  // A connection that is being closed may still be told that the server ends.
  watcher.on('connect', (client) => client.on('error', () => undefined));
  watcher.on('error', () => undefined);
  await watcher.query('create extension pg_stat_statements');
  return {
    url,
    async execute(text) {
      const client = new pg.Client({ connectionString: url('postgres') });
      client.on('error', () => undefined);
      await client.connect();
      await client.query(text);
      await client.end();
    },
    log: () => byDatabase(lines.join('')),
    async statistics() {
      const views = ['pg_stat_statements', 'pg_stat_activity'] as const;
      const texts = await Promise.all(
        views.map((view) => watcher.query<{ query: string }>(`select query from ${view} where query !~ '^select query from'`)),
      );
      return views.map((name, index) => ({ name, text: texts[index]!.rows.map(({ query }) => query).join('\n') }));
    },
    async stop() {
      await watcher.end();
      await stop();
    },
  };
}

/** A line without a prefix goes on with the one before it. */
function byDatabase(log: string): Haystack[] {
  const parts = new Map<string, string[]>();
  let database = '';
  for (const line of log.split('\n')) {
    database = /^@([^@]*)@ /.exec(line)?.[1] ?? database;
    parts.set(database, [...(parts.get(database) ?? []), line]);
  }
  return [...parts].map(([name, lines]) => ({ name: `log of database ${name}`, text: lines.join('\n') }));
}
