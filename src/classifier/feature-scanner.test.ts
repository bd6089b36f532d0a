import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FeatureScanner, MAX_CHARACTERS } from './feature-scanner.ts';

function features(text: string): number[][] {
  const scanner = new FeatureScanner();
  scanner.scan(text);
  return [0, 1, 2].map((block) => Array.from(scanner.hashes.slice(scanner.starts[block], scanner.starts[block + 1])));
}

describe('feature scanner', () => {
  it('sees inflected forms as the same words and letter case and punctuation not at all', () => {
    const [words, , pairs] = features('My CARDS arrived!');
    expect(features("my card's arriving?")[0]).toEqual(words);
    expect(features('my card, arrives')[2]).toEqual(pairs);
  });

  it('counts two stems as the same pair in either order, but not as the same two words in a row', () => {
    const [words, , pairs] = features('card lost');
    const [swappedWords, , swappedPairs] = features('lost card');
    expect(swappedPairs).toEqual(pairs);
    expect(new Set(swappedWords)).not.toEqual(new Set(words));
  });

  it('pairs stems at most four places apart', () => {
    const far = features('one b c d e two')[2]!;
    const pair = features('one two')[2]!;
    const near = features('one b c d two')[2]!;
    expect([far.includes(pair[0]!), near.includes(pair[0]!)]).toEqual([false, true]);
  });

  it('takes grams of 2 to 5 characters inside a word with its boundaries', () => {
    // " ab " holds 3 grams of two, 2 of three, 1 of four.
    expect(features('ab')[1]!.length).toBe(6);
  });

  it('finds nothing in a text without letters, digits or currency signs', () => {
    expect(['', '   ', '?!…', '\u0000', '　'].map((text) => features(text))).toEqual(new Array(5).fill([[], [], []]));
  });

  it('reads full-width letters as plain ones and words of any script', () => {
    expect(features('ＡＢＣ')).toEqual(features('abc'));
    expect(features('карта не работает')[0]!.length).toBe(7);
  });

  it('reads only so many characters of a text of any length', () => {
    const text = 'word and other ones '.repeat(50_000);
    expect(features(text)).toEqual(features(text.slice(0, MAX_CHARACTERS)));
  });

  it('gives the same features whatever was scanned before, none of them 0', () => {
    const scanner = new FeatureScanner();
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        scanner.scan(text);
        const found = Array.from(scanner.hashes.slice(0, scanner.starts[3]));
        expect(found).toEqual(features(text).flat());
        expect(found.includes(0)).toBe(false);
      }),
    );
  });
});
