/** Country -> locale and time zone (O-20). A country that is not here is refused at checkout. */
export const COUNTRIES = {
  AR: { locale: 'es-AR', timezone: 'America/Argentina/Buenos_Aires', currency: 'ARS' },
  BR: { locale: 'pt-BR', timezone: 'America/Sao_Paulo', currency: 'BRL' },
  CL: { locale: 'es-CL', timezone: 'America/Santiago', currency: 'CLP' },
  CO: { locale: 'es-CO', timezone: 'America/Bogota', currency: 'COP' },
  MX: { locale: 'es-MX', timezone: 'America/Mexico_City', currency: 'MXN' },
  PE: { locale: 'es-PE', timezone: 'America/Lima', currency: 'PEN' },
  UY: { locale: 'es-UY', timezone: 'America/Montevideo', currency: 'UYU' },
} as const;
export type CountryCode = keyof typeof COUNTRIES;
export const COUNTRY_CODES = Object.keys(COUNTRIES) as CountryCode[];

export function isCountryCode(value: string | null | undefined): value is CountryCode {
  return typeof value === 'string' && Object.hasOwn(COUNTRIES, value);
}
