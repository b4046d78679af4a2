import { AltaError } from '../../contract/errors.ts';

/** Reads an option that is a whole number from `least` to `most`. Throws INPUT_INVALID that names it. */
export const count =
  (name: string, most: number, least = 1) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || text.trim() === '' || value < least || value > most)
      throw new AltaError('INPUT_INVALID', `${name}: write a whole number from ${String(least)} to ${String(most)}`);
    return value;
  };
