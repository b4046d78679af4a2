type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

/**
 * Parses JSON without losing digits: an integer beyond 2^53 comes back as its text, every other value as usual. Mercado Pago
 * sends its ids as JSON numbers. Throws a SyntaxError, whose message quotes the text: never pass it on.
 */
export function parseJson(text: string): unknown {
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source) ? source : value,
  );
}
