import { z } from 'zod';

/** Sub-domain names that are never a store's. */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set([
  'admin',
  'alta',
  'api',
  'app',
  'assets',
  'auth',
  'billing',
  'blog',
  'cdn',
  'checkout',
  'dashboard',
  'docs',
  'ftp',
  'help',
  'mail',
  'novavision',
  'root',
  'smtp',
  'static',
  'status',
  'store',
  'support',
  'test',
  'webhooks',
  'www',
]);

/** A slug: NFKC, lower case, 3 to 40 letters, digits or inner hyphens, not reserved. */
export const slugSchema = z
  .string()
  .max(200)
  .transform((text) => text.normalize('NFKC').trim().toLowerCase())
  .pipe(
    z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])$/, 'use 3 to 40 lower-case letters, digits or inner hyphens')
      .refine((slug) => !RESERVED_SLUGS.has(slug), 'this name is reserved; choose another'),
  );

/** Whether a slug would be read as another script's: a name with two hyphens there is decoded by browsers (`xn--…`). Not part of `slugSchema`, which runs of commands replay. */
export const looksEncoded = (slug: string): boolean => slug.slice(2, 4) === '--';
