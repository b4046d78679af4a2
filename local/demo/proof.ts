import { randomBytes } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import { effect } from '../../adapters/effect.ts';
import { AltaError } from '../../contract/errors.ts';
import type { MailCatcher } from '../smtp.ts';
import { waitUntil } from '../wait.ts';

/** What anybody learns about a store from `GET /stores/<slug>`. */
export interface OpenStore {
  clusterId: string;
  clientId: string;
  name: string;
  url: string;
  publishableKey: string;
}

const visitor = ({ url, publishableKey }: OpenStore) =>
  createClient(url, publishableKey, { auth: { persistSession: false, autoRefreshToken: false } });

const failed = (what: string, reason: unknown): AltaError => new AltaError('WRITE_NOT_CONFIRMED', `${what}: ${String(reason)}`);

/** Finds the store as a visitor's browser would. */
export function findStore(apiUrl: string, slug: string): Promise<OpenStore> {
  return effect('demo.find-store', async () => {
    const response = await fetch(new URL(`/stores/${slug}`, apiUrl), { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw failed(`GET /stores/${slug}`, response.status);
    return (await response.json()) as OpenStore;
  });
}

/** Waits for the mail to the owner and returns the set-your-password link in it. */
export async function linkFromMail(mail: MailCatcher, owner: string): Promise<string> {
  const text = await waitUntil('the mail to the owner', () => mail.messages().find(({ to }) => to.includes(owner))?.text, {
    timeoutMs: 20_000,
  });
  const link = /https?:\/\/\S+\/auth\/v1\/verify\?\S+/.exec(text)?.[0];
  if (link === undefined) throw failed('the mail to the owner', 'there is no link in it');
  return link;
}

/**
 * Does what the owner does: opens the link of the mail, chooses a password, and signs in with it through supabase-js and the
 * publishable key. Returns the id of the signed-in user.
 */
export async function signInAsOwner(store: OpenStore, owner: string, link: string): Promise<string> {
  const password = randomBytes(18).toString('base64url');
  const response = await effect('demo.open-link', () => fetch(link, { redirect: 'manual', signal: AbortSignal.timeout(10_000) }));
  const session = new URLSearchParams(new URL(response.headers.get('location') ?? 'none:', link).hash.slice(1));
  const [access_token, refresh_token] = [session.get('access_token'), session.get('refresh_token')];
  if (access_token === null || refresh_token === null)
    throw failed('opening the link of the mail', `status ${response.status}, no session`);
  const fromLink = visitor(store);
  const opened = await effect('demo.set-session', () => fromLink.auth.setSession({ access_token, refresh_token }));
  if (opened.error !== null) throw failed('the session of the link', opened.error.message);
  const changed = await effect('demo.set-password', () => fromLink.auth.updateUser({ password }));
  if (changed.error !== null) throw failed('choosing a password', changed.error.message);
  const signedIn = await effect('demo.sign-in', () => visitor(store).auth.signInWithPassword({ email: owner, password }));
  if (signedIn.error !== null) throw failed('signing in', signedIn.error.message);
  return signedIn.data.user.id;
}

/** Reads the store's pages with the visitor's key. Returns their titles, in order. */
export async function readPagesAsVisitor(store: OpenStore): Promise<string[]> {
  const { data, error } = await effect('demo.read-pages', async () =>
    visitor(store).from('pages').select('title').eq('client_id', store.clientId).order('position'),
  );
  if (error !== null) throw failed('reading the pages', error.message);
  const titles = (data as { title: string }[]).map(({ title }) => title);
  if (titles.length === 0) throw failed('reading the pages', 'a visitor sees none');
  return titles;
}
