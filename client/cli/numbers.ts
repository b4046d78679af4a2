import { AltaError } from '../../contract/errors.ts';

/** Reads an option that is a whole number from 1 to `most`. Throws INPUT_INVALID that names it. */
export const count =
  (name: string, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > most)
      throw new AltaError('INPUT_INVALID', `${name}: write a whole number from 1 to ${String(most)}`);
    return value;
  };
