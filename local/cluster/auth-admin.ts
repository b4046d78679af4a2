import { timingSafeEqual } from 'node:crypto';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type postgres from 'postgres';
import { createUser, deleteUser, findUser, findUserByEmail, issueRecovery, listUsers, updateUser, type NewUser } from './auth-users.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

const same = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

const fail = (c: Context, status: ContentfulStatusCode, code: string, message: string): Response =>
  c.json({ code, message }, status, { 'x-supabase-api-version': '2024-01-01' });

const isUniqueViolation = (error: unknown): boolean => (error as { code?: unknown }).code === '23505';

/**
 * `/auth/v1/admin/*`, which the stand-in lacks, with the routes, checks, order and codes of GoTrue: an e-mail that exists is 422
 * `email_exists`, an id that exists is 500, an unknown id is 404 `user_not_found`. Only the secret key opens it.
 */
export function createAuthAdmin(
  sql: postgres.Sql,
  options: { secretKey: string; publicUrl: () => string; siteUrl: string },
): MiddlewareHandler {
  const admin = new Hono().basePath('/auth/v1/admin');

  admin.use(async (c, next) => {
    const key = c.req.header('apikey') ?? c.req.header('authorization')?.replace(/^Bearer /i, '') ?? '';
    if (!same(key, options.secretKey)) return c.json({ message: 'Invalid API key', hint: 'Double check your Supabase `apikey`' }, 401);
    return next();
  });
  admin.onError((_error, c) => fail(c, 500, 'unexpected_failure', 'Database error'));

  admin.get('/users', async (c) => {
    const users = await listUsers(sql, Number(c.req.query('page') || 1), Number(c.req.query('per_page') || 50));
    return c.json({ users, aud: 'authenticated' });
  });

  admin.post('/users', async (c) => {
    const body = await c.req.json<Partial<NewUser>>();
    const email = body.email?.trim().toLowerCase();
    if (!email) return fail(c, 400, 'validation_failed', 'Cannot create a user without either an email or phone');
    if (!EMAIL.test(email)) return fail(c, 400, 'validation_failed', 'Unable to validate email address: invalid format');
    if (body.id !== undefined && !UUID.test(body.id)) return fail(c, 400, 'validation_failed', 'ID must conform to the uuid v4 format');
    if (await findUserByEmail(sql, email))
      return fail(c, 422, 'email_exists', 'A user with this email address has already been registered');
    try {
      return c.json(await createUser(sql, { ...body, email }));
    } catch (error) {
      if (isUniqueViolation(error)) return fail(c, 500, 'unexpected_failure', 'Database error creating new user');
      throw error;
    }
  });

  admin.get('/users/:id', async (c) => {
    const user = UUID.test(c.req.param('id')) ? await findUser(sql, c.req.param('id')) : null;
    return user ? c.json(user) : fail(c, 404, 'user_not_found', 'User not found');
  });

  admin.put('/users/:id', async (c) => {
    const change = await c.req.json<Partial<NewUser>>();
    try {
      const user = await updateUser(sql, c.req.param('id'), change);
      return user ? c.json(user) : fail(c, 404, 'user_not_found', 'User not found');
    } catch (error) {
      if (isUniqueViolation(error)) return fail(c, 500, 'unexpected_failure', 'Error updating user');
      throw error;
    }
  });

  admin.delete('/users/:id', async (c) =>
    (await deleteUser(sql, c.req.param('id'))) ? c.json({}) : fail(c, 404, 'user_not_found', 'User not found'),
  );

  admin.post('/generate_link', async (c) => {
    const body = await c.req.json<{ type: string; email: string; redirect_to?: string }>();
    if (body.type !== 'recovery') return fail(c, 400, 'validation_failed', 'Only recovery links are made here');
    const email = body.email.trim().toLowerCase();
    const user = await findUserByEmail(sql, email);
    if (!user) return fail(c, 404, 'user_not_found', 'User with this email not found');
    const { otp, hashedToken } = await issueRecovery(sql, String(user['id']), email);
    const redirectTo = c.req.query('redirect_to') ?? body.redirect_to ?? options.siteUrl;
    const link = new URL('/auth/v1/verify', options.publicUrl());
    link.search = new URLSearchParams({ token: hashedToken, type: 'recovery', redirect_to: redirectTo }).toString();
    return c.json({
      ...user,
      action_link: link.href,
      email_otp: otp,
      hashed_token: hashedToken,
      redirect_to: redirectTo,
      verification_type: 'recovery',
    });
  });

  return async (c, next) => (c.req.path.startsWith('/auth/v1/admin/') ? admin.fetch(c.req.raw) : next());
}
