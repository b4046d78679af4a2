import { AltaError } from '../../contract/errors.ts';
import { now } from '../clock.ts';
import { effect } from '../effect.ts';
import type { Send } from './http.ts';
import { type MpUser, tokenSchema, userSchema } from './schemas.ts';

/** What a seller granted. Secret: it goes straight into the vault, never into a payload or a log (law 9). */
export interface OAuthGrant {
  accessToken: string;
  /** Works once. Null without the scope `offline_access`. */
  refreshToken: string | null;
  publicKey: string | null;
  /** When the access token ends: 180 days after the exchange, by this process' clock. */
  expiresAt: Date;
  /** The seller: identify sellers by it. */
  mpUserId: string;
  liveMode: boolean | null;
}

export interface CodeExchange {
  code: string;
  /** Exactly as in the authorization link. */
  redirectUri: string;
  /** Where the application has PKCE switched on. */
  codeVerifier?: string;
}

export interface OAuthApp {
  clientId?: string | undefined;
  clientSecret?: string | undefined;
}

/**
 * The seller's consent. Both exchanges act once: a code and a refresh token are used up by the first request that arrives, even
 * when its answer is lost (`details.mayHaveActed`). So nothing here repeats by itself; see facts/mercadopago.md, section 6.
 */
export function oauthCalls(send: Send, app: OAuthApp) {
  const exchange = async (name: string, body: Record<string, string>, signal?: AbortSignal): Promise<OAuthGrant> => {
    const { clientId, clientSecret } = app;
    if (!clientId || !clientSecret)
      throw new AltaError('CONFIG_INVALID', 'MP_CLIENT_ID and MP_CLIENT_SECRET are needed to connect sellers');
    const askedAt = now().getTime();
    const raw = await send({
      name,
      writes: true,
      method: 'POST',
      path: '/oauth/token',
      body: { client_id: clientId, client_secret: clientSecret, ...body },
      schema: tokenSchema,
      signal,
    });
    return {
      accessToken: raw.access_token,
      refreshToken: raw.refresh_token,
      publicKey: raw.public_key,
      expiresAt: new Date(askedAt + raw.expires_in * 1_000),
      mpUserId: raw.user_id,
      liveMode: raw.live_mode,
    };
  };

  return {
    /** Turns the code of the redirect, valid 10 minutes, into tokens. A used or foreign code is MP_REJECTED, mpError `invalid_grant`. */
    async exchangeCode({ code, redirectUri, codeVerifier }: CodeExchange, signal?: AbortSignal): Promise<OAuthGrant> {
      const body = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        ...(codeVerifier === undefined ? {} : { code_verifier: codeVerifier }),
      };
      return effect('mercadopago.exchange-code', () => exchange('exchange code', body, signal));
    },

    /** Rotates a seller's tokens: store both new ones before using either. MP_REJECTED with `invalid_grant`: ask the seller anew. */
    async refreshToken(refreshToken: string, signal?: AbortSignal): Promise<OAuthGrant> {
      const body = { grant_type: 'refresh_token', refresh_token: refreshToken };
      return effect('mercadopago.refresh-token', () => exchange('refresh token', body, signal));
    },

    /** Whose token this is; MP_UNAUTHORIZED once it is revoked or has ended. */
    async me(accessToken: string, signal?: AbortSignal): Promise<MpUser> {
      const call = {
        name: 'read user',
        writes: false,
        method: 'GET',
        path: '/users/me',
        token: accessToken,
        schema: userSchema,
        signal,
      } as const;
      return effect('mercadopago.me', () => send(call));
    },
  };
}
