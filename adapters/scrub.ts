/** Shapes of secrets that a foreign error message might carry: Mercado Pago, Supabase, JWTs, bearer headers, URL passwords. */
const SECRET_SHAPES = [
  /\b(?:APP_USR|TEST|TG)-[A-Za-z0-9-]{8,}/g,
  /\bsb_(?:secret|publishable)_[A-Za-z0-9_-]+/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g,
  /\bBearer\s+\S+/gi,
  /(?<=:\/\/[^/\s:@]{0,200}:)[^@\s/]+(?=@)/g,
];
const LONGEST = 1_000;

/** A text without any known shape of a secret. */
export const redact = (text: string): string => SECRET_SHAPES.reduce((rest, shape) => rest.replace(shape, '[redacted]'), text);

/** A foreign text made fit for logs, rows and histories: no known shape of a secret, bounded in length. */
export function scrub(text: string): string {
  const clean = redact(text);
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean;
}
