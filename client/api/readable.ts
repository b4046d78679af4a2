import { AltaError } from '../../contract/errors.ts';

/**
 * Refuses a body with a text that cannot be stored as it is: one with NUL, which PostgreSQL does not take, or with half a letter (a lone
 * surrogate), which would be stored as another one. Throws INPUT_INVALID that names the field.
 */
export function refuseUnreadable(body: unknown): void {
  // A list of what is still to be looked at: a body may be nested deeper than a stack is.
  const left: { value: unknown; path: string }[] = [{ value: body, path: '' }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { value, path } = next;
    if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) {
      const field = path === '' ? 'body' : path;
      throw new AltaError('INPUT_INVALID', `${field}: holds a character that cannot be stored`, { details: { field } });
    }
    if (typeof value !== 'object' || value === null) continue;
    for (const [name, part] of Object.entries(value)) left.push({ value: part, path: path === '' ? name : `${path}.${name}` });
  }
}
