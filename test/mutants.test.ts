import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../local/paths.ts';
import { mutated } from './mutants/apply.ts';
import { MUTANTS } from './mutants/list.ts';

/** The deliberate bugs of `npm run mutants` still say what they mean; whether tests catch them is for that command to tell. */
const read = (file: string): string => readFileSync(join(PROJECT_ROOT, file), 'utf8');

test.each(MUTANTS)('P-752: "$name" can still be put into $file, and names tests that are there', (mutant) => {
  const sound = read(mutant.file);
  expect(mutated(sound, mutant)).not.toBe(sound);
  for (const { file, name } of mutant.killers) {
    expect(existsSync(join(PROJECT_ROOT, file))).toBe(true);
    // A name may begin with that of a `describe`, and end with a value of a table.
    const words = name.trimEnd().split(' ');
    const parts = words.flatMap((_, from) => words.map((__, to) => words.slice(from, to + 1).join(' ')));
    expect(parts.some((part) => part.length >= Math.min(name.length, 20) && read(file).includes(part))).toBe(true);
  }
});

test('each deliberate bug has a name of its own, and one whose text is gone is refused', () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  expect(MUTANTS.length).toBeGreaterThanOrEqual(12);
  const [mutant] = MUTANTS;
  expect(() => mutated('nothing of it', mutant!)).toThrow('found 0 times');
});
