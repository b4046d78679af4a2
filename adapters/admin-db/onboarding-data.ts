import { createHash } from 'node:crypto';
import type { CatalogProduct, CheckoutRequest } from '../../contract/checkout.ts';
import type { Tx } from './db.ts';

/** What a form says, whichever draft it is about. */
const fingerprintOf = ({ accountId: _, ...form }: CheckoutRequest): string =>
  createHash('sha256').update(JSON.stringify(form)).digest('hex');

/**
 * The draft that this very form opened before, for a customer who never got the answer and so knows no account to name; null when there
 * is none. Only the whole form, letter by letter, finds it: whoever knows that much changes nothing by sending it.
 */
export async function findSameForm(tx: Tx, checkout: CheckoutRequest): Promise<string | null> {
  const [row] = await tx.query<{ accountId: string }>({
    name: 'admin-db.find-same-form',
    text: `select a.id as "accountId" from slug_reservations r join nv_accounts a on a.id = r.account_id join nv_onboarding o on o.account_id = a.id
           where r.slug = $1 and r.status = 'reserved' and a.status = 'draft' and o.data ->> 'form' = $2`,
    values: [checkout.slug, fingerprintOf(checkout)],
  });
  return row?.accountId ?? null;
}

/**
 * Stores what the builder collected (P-006): template, palette, catalogue and logo; a repeated checkout replaces it all.
 * Call it in the transaction of `openDraft`.
 */
export async function saveOnboarding(tx: Tx, accountId: string, builder: CheckoutRequest): Promise<void> {
  await tx.query({
    name: 'admin-db.save-onboarding',
    text: `insert into nv_onboarding (account_id, template_key, palette_key, data) values ($1, $2, $3, $4)
           on conflict (account_id) do update set
             template_key = excluded.template_key, palette_key = excluded.palette_key, data = excluded.data, updated_at = now()`,
    values: [
      accountId,
      builder.templateKey,
      builder.paletteKey,
      JSON.stringify({ catalog: builder.catalog, form: fingerprintOf(builder) }),
    ],
  });
  if (builder.logo === null) {
    await tx.query({
      name: 'admin-db.delete-logo',
      text: `delete from onboarding_assets where account_id = $1 and kind = 'logo'`,
      values: [accountId],
    });
    return;
  }
  const bytes = Buffer.from(builder.logo.base64, 'base64');
  await tx.query({
    name: 'admin-db.save-logo',
    text: `insert into onboarding_assets (account_id, kind, content_type, bytes, sha256) values ($1, 'logo', $2, $3, $4)
           on conflict (account_id, kind) do update set
             content_type = excluded.content_type, bytes = excluded.bytes, sha256 = excluded.sha256, updated_at = now()`,
    values: [accountId, builder.logo.contentType, bytes, createHash('sha256').update(bytes).digest('hex')],
  });
}

export interface OnboardingAssets {
  logo: { contentType: string; bytes: Buffer; sha256: string } | null;
  catalog: CatalogProduct[];
}

interface AssetsRow {
  contentType: string | null;
  bytes: Buffer | null;
  sha256: string | null;
  catalog: CatalogProduct[] | null;
}

/** The logo and the catalogue of an account; empty when the builder gave none. */
export async function loadAssets(db: Tx, accountId: string): Promise<OnboardingAssets> {
  const [row] = await db.query<AssetsRow>({
    name: 'admin-db.load-assets',
    text: `select x.content_type as "contentType", x.bytes, x.sha256, o.data -> 'catalog' as catalog
           from nv_onboarding o left join onboarding_assets x on x.account_id = o.account_id and x.kind = 'logo'
           where o.account_id = $1`,
    values: [accountId],
  });
  const { contentType, bytes, sha256, catalog } = row ?? { contentType: null, bytes: null, sha256: null, catalog: null };
  const logo = contentType === null || bytes === null || sha256 === null ? null : { contentType, bytes, sha256 };
  return { logo, catalog: catalog ?? [] };
}
