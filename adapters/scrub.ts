/** Shapes of secrets that a foreign error message might carry: Mercado Pago, Supabase, JWTs, bearer headers, URL passwords. */
const SECRET_SHAPES = [
  /\b(?:APP_USR|TEST|TG)-[A-Za-z0-9-]{8,}/g,
  /\bsb_(?:secret|publishable)_[A-Za-z0-9_-]+/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?/g,
  /\bBearer\s+\S+/gi,
  /(?<=:\/\/[^/\s:@]{0,200}:)[^@\s/]+(?=@)/g,
];
/**
 * What no stored row and no history may hold, as text that PostgreSQL and JavaScript read alike: Mercado Pago's tokens, a cluster's secret
 * key, a JWT. Narrower than the scrubber's shapes, because a finding here is an alarm.
 */
export const SECRET_TEXT = String.raw`(APP_USR-|TG-)[0-9A-Za-z]{8}|sb_secret_[0-9A-Za-z_-]{8}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.`;
const LONGEST = 1_000;
/** A shorter value would be found in half of all words. */
const SHORTEST_SECRET = 6;
const SECRET_SETTING = /(?:KEY|KEYS|TOKEN|SECRET|SECRETS|PASSWORD|KEY_DATA)$/;
const HIDDEN = '[redacted]';

/** The values that this process was given as secrets, in every form in which a text may quote them; the longest first. */
let values: string[] = [];

/**
 * Tells the scrubber the secrets themselves, beside their shapes: the values of all settings that are named as such (both halves of
 * `id:secret` lists), the passwords in URLs, and whole webhook addresses. Called once by each process.
 */
export function hideSettings(env: Readonly<Record<string, string | undefined>>): void {
  const secrets = Object.entries(env).flatMap(([name, value = '']) => {
    if (SECRET_SETTING.test(name)) return value.split(',').flatMap((part) => [part.trim(), part.slice(part.indexOf(':') + 1).trim()]);
    if (name === 'ALERT_WEBHOOK_URL') return [value];
    const { password = '' } = URL.canParse(value) ? new URL(value) : {};
    return password === '' ? [] : [password, decodeURIComponent(password)];
  });
  const forms = secrets.flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  values = [...new Set(forms)].filter(({ length }) => length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}

/** A text without any of the values that `hideSettings` was told. */
export const hideValues = (text: string): string =>
  values.reduce((rest, value) => (rest.includes(value) ? rest.replaceAll(value, HIDDEN) : rest), text);

/** A text without any known secret or shape of one. */
export const redact = (text: string): string => SECRET_SHAPES.reduce((rest, shape) => rest.replace(shape, HIDDEN), hideValues(text));

/** A foreign text made fit for logs, rows and histories: no known secret or shape of one, bounded in length. */
export function scrub(text: string): string {
  const clean = redact(text);
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean;
}
