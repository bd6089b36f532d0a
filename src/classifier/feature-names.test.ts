import { describe, expect, it } from 'vitest';
import { nameFeatures } from './feature-names.ts';
import { FeatureScanner } from './feature-scanner.ts';

const namesOf = (text: string) => {
  const scanner = new FeatureScanner();
  scanner.scan(text);
  return { names: nameFeatures(scanner), hashes: [...scanner.hashes.subarray(0, scanner.starts[3])], starts: [...scanner.starts] };
};

describe('names of features', () => {
  it('names as many features as the scanner found, block by block', () => {
    for (const text of ['', 'Hi', "I don't know where my card is!", 'a b c d e f g', 'Größe ÄÖÜ 東京 カード']) {
      const { names, hashes, starts } = namesOf(text);
      expect(names).toHaveLength(hashes.length);
      const kinds = ['word', 'character', 'pair'] as const;
      kinds.forEach((kind, block) => {
        expect(names.slice(starts[block], starts[block + 1]).every((name) => name.kind === kind)).toBe(true);
      });
    }
  });

  it('gives features with one hash one name, in texts of different words', () => {
    const known = new Map<number, string>();
    for (const text of ['lost my new card', 'my card is lost', 'new card lost my']) {
      const { names, hashes } = namesOf(text);
      hashes.forEach((hash, i) => {
        const { kind, text: name } = names[i]!;
        // Pairs count in either order, so that they have two names.
        if (kind === 'pair') return;
        expect(known.get(hash) ?? name).toBe(name);
        known.set(hash, name);
      });
    }
  });

  it('writes words as they stand, grams with hyphens, pairs with dots', () => {
    expect(namesOf('Pay it').names.map(({ text }) => text)).toEqual(
      expect.arrayContaining(['^ pay', 'it $', 'pay', 'pay it', 'p-', 'pay', '-ay', '-ay-', 'pay … it']),
    );
  });
});
