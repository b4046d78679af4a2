import { createHash, randomBytes } from 'node:crypto';
import { type Context, authenticate, fields } from './context.ts';
import type { Answer, Request, Route } from './http.ts';
import { Refused, type StoredCode } from './types.ts';

/** `sellerId` is the seller who agrees; a new one when left out. */
export type CodeRequest = Omit<StoredCode, 'sellerId' | 'expiresAt' | 'used'> & { sellerId?: string };

const CODE_MS = 10 * 60_000;
const secret = (): string => randomBytes(16).toString('hex');
const invalidGrant = (): Refused =>
  new Refused(
    400,
    'invalid_grant',
    'Error validating grant. Your authorization code or refresh token may be expired or it was already used.',
  );

/** A seller agrees on the authorization page. */
export function issueCode({ store }: Context, request: CodeRequest): { code: string; sellerId: string } {
  const sellerId = request.sellerId ?? String(store.nextId());
  const code = `TG-${secret()}-${sellerId}`;
  store.put('code', code, { ...request, sellerId, expiresAt: Date.now() + CODE_MS, used: false });
  return { code, sellerId };
}

/** The seller takes the consent back: all tokens end. */
export function revoke({ store }: Context, userId: string): void {
  for (const kind of ['token', 'refresh'] as const) {
    for (const stored of store.all(kind)) {
      if (stored.userId === userId) store.put(kind, stored.name, { ...stored, valid: false });
    }
  }
}

function grant({ store, settings }: Context, userId: string, what: string): Answer {
  const access = `APP_USR-${secret()}-${userId}`;
  const refresh = `TG-${secret()}-${userId}`;
  store.put('token', access, { name: access, userId, valid: true });
  store.put('refresh', refresh, { name: refresh, userId, valid: true });
  store.record({ kind: 'effect', what, id: userId, amount: null, reference: null });
  return {
    status: 200,
    body: {
      access_token: access,
      token_type: 'bearer',
      expires_in: 15_552_000,
      scope: 'offline_access read write',
      user_id: Number(userId),
      refresh_token: refresh,
      public_key: `APP_USR-${secret()}`,
      live_mode: settings.liveMode,
    },
  };
}

function byCode(context: Context, body: Record<string, unknown>): Answer {
  const name = String(body['code']);
  const code = context.store.get('code', name);
  if (code === undefined || code.used || code.expiresAt < Date.now() || code.redirectUri !== body['redirect_uri']) throw invalidGrant();
  if (code.codeChallenge !== undefined) {
    const given = body['code_verifier'];
    const verifier = typeof given === 'string' ? given : '';
    const shown = code.codeChallengeMethod === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url');
    if (shown !== code.codeChallenge) throw invalidGrant();
  }
  context.store.put('code', name, { ...code, used: true });
  return grant(context, code.sellerId, 'token.issued');
}

function byRefresh(context: Context, body: Record<string, unknown>): Answer {
  const name = String(body['refresh_token']);
  const token = context.store.get('refresh', name);
  if (token?.valid !== true) throw invalidGrant();
  context.store.put('refresh', name, { ...token, valid: false });
  return grant(context, token.userId, 'token.rotated');
}

function exchange(context: Context, request: Request): Answer {
  const body = fields(request);
  const { clientId, clientSecret, collectorId } = context.settings;
  if (body['client_id'] !== clientId || body['client_secret'] !== clientSecret)
    throw new Refused(400, 'invalid_client', 'invalid client_id or client_secret');
  switch (body['grant_type']) {
    case 'authorization_code':
      return byCode(context, body);
    case 'refresh_token':
      return byRefresh(context, body);
    case 'client_credentials':
      return grant(context, collectorId, 'token.issued');
    default:
      throw new Refused(400, 'unsupported_grant_type', 'unsupported grant_type');
  }
}

/** The consent page agrees at once and leads back, as a seller in a hurry would. */
function authorize(context: Context, { url }: Request): Answer {
  const query = url.searchParams;
  const redirectUri = query.get('redirect_uri') ?? '';
  if (query.get('client_id') !== context.settings.clientId || !/^https?:/.test(redirectUri))
    throw new Refused(400, 'bad_request', 'unknown client_id or redirect_uri');
  const challenge = query.get('code_challenge');
  const method = query.get('code_challenge_method')?.toLowerCase() === 'plain' ? 'plain' : 'S256';
  const { code } = issueCode(context, {
    redirectUri,
    ...(challenge === null ? {} : { codeChallenge: challenge, codeChallengeMethod: method }),
  });
  const back = new URL(redirectUri);
  back.searchParams.set('code', code);
  back.searchParams.set('state', query.get('state') ?? '');
  return { status: 302, body: {}, headers: { location: back.href } };
}

/** Seller consent with rotating, one-use refresh tokens. An old access token stays valid after a rotation, which is unknown of the real one. */
export const oauthRoutes = (context: Context): Route[] => [
  { method: 'GET', path: '/authorization', operation: 'oauth.authorize', handle: (request) => authorize(context, request) },
  { method: 'POST', path: '/oauth/token', operation: 'oauth.token', handle: (request) => exchange(context, request) },
  {
    method: 'GET',
    path: '/users/me',
    operation: 'users.me',
    handle: (request) => {
      const userId = authenticate(context, request);
      const body = {
        id: Number(userId),
        nickname: `TESTUSER${userId}`,
        email: `seller-${userId}@example.com`,
        site_id: 'MLA',
        country_id: 'AR',
      };
      return { status: 200, body };
    },
  },
];
