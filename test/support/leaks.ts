import { setTimeout as pause } from 'node:timers/promises';

/** A secret that must be nowhere, under the name that a finding shows. */
export interface Canary {
  name: string;
  bytes: Buffer;
}

/** A text that is searched, such as a log or a history. */
export interface Haystack {
  name: string;
  text: string;
}

export const canary = (name: string, secret: string | Buffer): Canary => ({ name, bytes: Buffer.from(secret as string) });

/** Shortest piece that is searched for, characters: shorter ones come about by chance. */
const SHORTEST = 12;

/**
 * What the middle of base64 looks like when the secret begins at any place of the encoded text: three shifts, of each only the
 * characters that its neighbours do not touch.
 */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    const whole = Math.floor(((shift + bytes.length) * 8) / 6);
    return encoded.slice(shift === 0 ? 0 : shift + 1, whole);
  });
}

/** Every form in which a secret might be written down. */
export function formsOf({ bytes }: Canary): Map<string, string> {
  const text = bytes.toString('utf8');
  const printable = Buffer.from(text, 'utf8').equals(bytes);
  const forms = new Map<string, string>();
  const add = (kind: string, form: string): void => {
    if (form.length >= SHORTEST && !forms.has(form)) forms.set(form, kind);
  };
  if (printable) {
    add('raw', text);
    add('url-encoded', encodeURIComponent(text));
    add('JSON-escaped', JSON.stringify(text).slice(1, -1));
    add('JSON-escaped twice', JSON.stringify(JSON.stringify(text)).slice(3, -3));
  }
  for (const form of base64Forms(bytes)) {
    add('base64', form);
    add('base64 in a URL', encodeURIComponent(form));
    add('base64url', form.replaceAll('+', '-').replaceAll('/', '_'));
  }
  add('hex', bytes.toString('hex'));
  add('HEX', bytes.toString('hex').toUpperCase());
  return forms;
}

/** Where canaries are found: `<haystack>: <canary> (<form>)`. Says what it found where, and never the secret. */
export async function findLeaks(haystacks: readonly Haystack[], canaries: readonly Canary[]): Promise<string[]> {
  const found = new Set<string>();
  for (const { name, text } of haystacks) {
    for (const secret of canaries) {
      for (const [form, kind] of formsOf(secret)) if (text.includes(form)) found.add(`${name}: ${secret.name} (${kind})`);
    }
    // Lets timers of the running stack have their turn between two long searches.
    await pause(0);
  }
  return [...found].sort();
}

/** Every row of every table of a database as JSON, sealed columns too: one haystack a table. */
export async function tableHaystacks(sql: <T>(text: string) => Promise<T[]>): Promise<Haystack[]> {
  const tables = await sql<{ name: string }>(
    `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
     where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema') order by 1`,
  );
  const haystacks: Haystack[] = [];
  for (const { name } of tables) {
    const [row] = await sql<{ text: string }>(`select coalesce(string_agg(to_jsonb(t)::text, E'\\n'), '') as text from ${name} t`);
    haystacks.push({ name: `table ${name}`, text: row!.text });
  }
  return haystacks;
}
