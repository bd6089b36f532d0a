import { contentHash } from '../core/index.ts';

/**
 * A word that none of the texts holds: the hash of all of them. The same texts always get the same word, so a judgement can be repeated
 * and found again; and who writes a text cannot foresee a hash that the text itself goes into.
 */
export function boundaryOf(texts: readonly string[]): string {
  for (let round = 0; ; round += 1) {
    const word = contentHash({ texts, round }).slice(0, 24);
    if (!texts.some((text) => text.includes(word))) return word;
  }
}

/** A text between two lines that name it by the boundary. */
export function fenced(name: string, text: string, boundary: string): string {
  return `BEGIN ${name} ${boundary}\n${text}\nEND ${name} ${boundary}`;
}
