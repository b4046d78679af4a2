import { createHash } from 'node:crypto';

/** Where Mercado Pago sends the seller back to; registered with the application, letter by letter. */
export const redirectUriOf = (publicUrl: string): string => new URL('/oauth/mercadopago', publicUrl).href;

export interface ConsentLink {
  /** Mercado Pago's authorization page: https://auth.mercadopago.com in production. */
  authUrl: string;
  clientId: string;
  redirectUri: string;
  state: string;
  verifier: string;
}

/**
 * The link on which a seller agrees (authorization code with PKCE). The challenge is the verifier's SHA-256, so that whoever sees the
 * link can't finish it. Source: Mercado Pago's pages `security/oauth/creation` and `pkce` (facts: mercadopago.md, section 6).
 */
export function consentLink({ authUrl, clientId, redirectUri, state, verifier }: ConsentLink): string {
  const url = new URL('/authorization', authUrl);
  url.search = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    platform_id: 'mp',
    state,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString();
  return url.href;
}
