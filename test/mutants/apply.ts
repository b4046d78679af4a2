import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './list.ts';

/** A file's text with the bug in it. Throws when a text is not there exactly once: the mutation no longer says what it means. */
export function mutated(text: string, { name, file, edits }: Mutant): string {
  return edits.reduce((now, [find, replace]) => {
    const found = now.split(find).length - 1;
    if (found !== 1) throw new Error(`mutant "${name}": found ${String(found)} times in ${file}, not once: ${find.trim().slice(0, 100)}`);
    return now.replace(find, () => replace);
  }, text);
}

/** Puts the bug into a copy of the tree. Gives back what takes it out again. */
export function plant(mutant: Mutant, root: string): () => void {
  const path = join(root, mutant.file);
  const sound = readFileSync(path, 'utf8');
  writeFileSync(path, mutated(sound, mutant));
  return () => {
    writeFileSync(path, sound);
  };
}
