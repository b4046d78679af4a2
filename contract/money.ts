/** Decimal money as text: `numeric` in SQL, text in JSON, never a float (decision 12). */
const DECIMAL = /^-?\d{1,15}(?:\.\d{1,6})?$/;

/** Scales a decimal text to millionths. Throws a RangeError on anything that is not a plain decimal number. */
export function toMicros(value: string): bigint {
  if (!DECIMAL.test(value)) throw new RangeError(`not a decimal amount: ${JSON.stringify(value)}`);
  const negative = value.startsWith('-');
  const [whole = '0', fraction = ''] = value.replace('-', '').split('.');
  const micros = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return negative ? -micros : micros;
}

/** Writes millionths as plain decimal text. */
export function fromMicros(micros: bigint): string {
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, '0');
  const text = `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, '');
  return micros < 0n ? `-${text}` : text;
}

/** Compares two decimal texts: negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareMoney(a: string, b: string): number {
  const difference = toMicros(a) - toMicros(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Mercado Pago sends amounts as numbers and, in places, as text; both become plain decimal text. */
export function moneyText(value: number | string): string {
  const text = typeof value === 'number' ? value.toFixed(6).replace(/\.?0+$/, '') : value.trim();
  toMicros(text);
  return text;
}
