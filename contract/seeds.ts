import type { AccountSnapshot } from './projection.ts';
import { COUNTRIES, isCountryCode } from './countries.ts';

/** Version of the bundle; rows keep it, so that a later bundle can tell what it may replace. */
export const SEED_VERSION = 1;

export interface SeedBundle {
  pages: { seed_key: string; slug: string; title: string; body: string; position: number }[];
  settings: { seed_key: string; key: string; value: unknown }[];
  shipping: { seed_key: string; name: string; price: string; currency: string; days_min: number; days_max: number }[];
  palettes: { seed_key: string; name: string; colors: Record<string, string>; is_default: boolean }[];
}

const PAGES = {
  es: [
    ['home', 'Inicio', 'Te damos la bienvenida a {name}.'],
    ['about', 'Quiénes somos', '{name} es una tienda en línea. Contá aquí tu historia.'],
    ['contact', 'Contacto', 'Escribinos: respondemos en el día.'],
    ['terms', 'Términos y condiciones', 'Estas son las condiciones de venta de {name}.'],
    ['privacy', 'Privacidad', 'Así cuida {name} tus datos.'],
  ],
  pt: [
    ['home', 'Início', 'Boas-vindas à {name}.'],
    ['about', 'Quem somos', '{name} é uma loja on-line. Conte aqui a sua história.'],
    ['contact', 'Contato', 'Escreva para nós: respondemos no mesmo dia.'],
    ['terms', 'Termos e condições', 'Estas são as condições de venda da {name}.'],
    ['privacy', 'Privacidade', 'Assim a {name} cuida dos seus dados.'],
  ],
} as const;

const PALETTES: Record<string, Record<string, string>> = {
  sand: { background: '#faf6ef', text: '#2b2620', accent: '#b5651d' },
  ocean: { background: '#f2f8fb', text: '#10242e', accent: '#0b7285' },
  night: { background: '#14161a', text: '#e9ecef', accent: '#ffd43b' },
};

const LAYOUT: Record<string, { header: string; columns: number }> = {
  classic: { header: 'centered', columns: 3 },
  modern: { header: 'split', columns: 4 },
};

/**
 * The content that a new store begins with (P-131), in the language of its country. Pure: the same account gives the same
 * bundle, and every item has a key under which a second run finds it.
 */
export function seedBundle(account: AccountSnapshot, logoPath: string | null): SeedBundle {
  const country = isCountryCode(account.country) ? COUNTRIES[account.country] : COUNTRIES.AR;
  const language = country.locale.startsWith('pt') ? 'pt' : 'es';
  return {
    pages: PAGES[language].map(([slug, title, body], position) => ({
      seed_key: `page/${slug}`,
      slug,
      title,
      body: body.replace('{name}', account.businessName),
      position,
    })),
    settings: [
      { seed_key: 'setting/layout', key: 'layout', value: LAYOUT[account.templateKey] ?? LAYOUT.classic },
      { seed_key: 'setting/palette', key: 'palette', value: account.paletteKey },
      { seed_key: 'setting/logo', key: 'logo', value: logoPath },
    ],
    shipping: [
      {
        seed_key: 'shipping/pickup',
        name: language === 'pt' ? 'Retirada na loja' : 'Retiro en tienda',
        price: '0',
        currency: country.currency,
        days_min: 0,
        days_max: 1,
      },
      {
        seed_key: 'shipping/standard',
        name: language === 'pt' ? 'Entrega padrão' : 'Envío estándar',
        price: '0',
        currency: country.currency,
        days_min: 2,
        days_max: 7,
      },
    ],
    palettes: Object.entries(PALETTES).map(([name, colors]) => ({
      seed_key: `palette/${name}`,
      name,
      colors,
      is_default: name === account.paletteKey,
    })),
  };
}
