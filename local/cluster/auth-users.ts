import { createHash, randomInt, randomUUID } from 'node:crypto';
import { hash } from 'bcryptjs';
import type postgres from 'postgres';

type Sql = postgres.Sql;
type JSONValue = postgres.JSONValue;

type Json = Record<string, unknown>;

/** Body of `POST /auth/v1/admin/users`, as far as the stand-in knows it. */
export interface NewUser {
  id?: string;
  email: string;
  password?: string;
  email_confirm?: boolean;
  app_metadata?: Json;
  user_metadata?: Json;
}

const COLUMNS = `u.id, u.aud, u.role, u.email, coalesce(u.phone, '') as phone, u.email_confirmed_at, u.confirmed_at, u.last_sign_in_at,
  u.raw_app_meta_data as app_metadata, u.raw_user_meta_data as user_metadata, u.created_at, u.updated_at, u.is_anonymous,
  coalesce((select jsonb_agg(jsonb_build_object('identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'provider', i.provider,
    'identity_data', i.identity_data, 'email', i.email)) from auth.identities i where i.user_id = u.id), '[]'::jsonb) as identities`;

/** The auth user in the form of GoTrue's answers; null when nobody has the id. */
export async function findUser(sql: Sql, id: string): Promise<Json | null> {
  const [row] = await sql.unsafe<Json[]>(`select ${COLUMNS} from auth.users u where u.id = $1`, [id]);
  return row ?? null;
}

export async function findUserByEmail(sql: Sql, email: string): Promise<Json | null> {
  const [row] = await sql.unsafe<Json[]>(`select ${COLUMNS} from auth.users u where u.email = $1 and not u.is_sso_user`, [email]);
  return row ?? null;
}

export const listUsers = (sql: Sql, page: number, perPage: number): Promise<Json[]> =>
  sql.unsafe<Json[]>(`select ${COLUMNS} from auth.users u order by u.created_at desc limit $1 offset $2`, [perPage, (page - 1) * perPage]);

/** Inserts a user and its e-mail identity the way GoTrue does; without a password nobody can sign in before a recovery. */
export async function createUser(sql: Sql, user: NewUser): Promise<Json | null> {
  const id = user.id ?? randomUUID();
  const password = user.password === undefined ? null : await hash(user.password, 10);
  const app = { provider: 'email', providers: ['email'], ...user.app_metadata };
  const profile = { ...(user.email_confirm ? { email_verified: true } : {}), ...user.user_metadata };
  const identity = { sub: id, email: user.email, email_verified: false, phone_verified: false };
  await sql.begin(async (tx) => {
    await tx`insert into auth.users (id, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data)
      values (${id}, ${user.email}, ${password}, ${user.email_confirm ? tx`now()` : null}, ${tx.json(app)}, ${tx.json(profile)})`;
    await tx`insert into auth.identities (id, provider, provider_id, user_id, identity_data)
      values (${randomUUID()}, 'email', ${id}, ${id}, ${tx.json(identity)})`;
  });
  return findUser(sql, id);
}

/** Changes what is given and merges metadata; null when nobody has the id. */
export async function updateUser(sql: Sql, id: string, change: Partial<NewUser>): Promise<Json | null> {
  const password = change.password === undefined ? null : await hash(change.password, 10);
  await sql`update auth.users set
      email = coalesce(${change.email ?? null}, email),
      encrypted_password = coalesce(${password}, encrypted_password),
      email_confirmed_at = case when ${change.email_confirm ?? false} then coalesce(email_confirmed_at, now()) else email_confirmed_at end,
      raw_app_meta_data = raw_app_meta_data || ${sql.json((change.app_metadata ?? {}) as JSONValue)},
      raw_user_meta_data = raw_user_meta_data || ${sql.json((change.user_metadata ?? {}) as JSONValue)},
      updated_at = now()
    where id = ${id}`;
  return findUser(sql, id);
}

/** Identities and sessions go along (cascade). Returns whether there was such a user. */
export async function deleteUser(sql: Sql, id: string): Promise<boolean> {
  return (await sql`delete from auth.users where id = ${id}`).count > 0;
}

/** Stores a fresh recovery token for a user and returns what a link is made from. The form is the stand-in's own: SHA-256 of e-mail and code. */
export async function issueRecovery(sql: Sql, id: string, email: string): Promise<{ otp: string; hashedToken: string }> {
  const otp = String(randomInt(0, 1_000_000)).padStart(6, '0');
  const hashedToken = createHash('sha256')
    .update(email.toLowerCase() + otp)
    .digest('hex');
  await sql`update auth.users set recovery_token = ${hashedToken}, recovery_sent_at = now() where id = ${id}`;
  return { otp, hashedToken };
}
