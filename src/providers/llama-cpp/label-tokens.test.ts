import { describe, expect, it } from 'vitest';
import { LabelTokens, type Vocabulary } from './label-tokens.ts';

const END = 99;

/** A vocabulary of these texts, numbered from 0. */
function vocabularyOf(...texts: readonly string[]): Vocabulary {
  return {
    byText: new Map(texts.map((text, i) => [text, [i]])),
    ends: [END],
    longest: Math.max(...texts.map((text) => text.length)),
  };
}

const textsOf = (labels: LabelTokens, said: string): readonly (string | null)[] => labels.choices(said).map(({ text }) => text);

describe('LabelTokens', () => {
  it('allows what a label begins with, also after a space, and nothing else', () => {
    const labels = new LabelTokens(vocabularyOf('re', 'refund', 'fund', 'turn', ' ', ' re', 'x', 'refunds'), ['refund', 'return']);
    expect(textsOf(labels, '')).toEqual(['re', 'refund', ' ', ' re']);
    expect(textsOf(labels, 're')).toEqual(['fund', 'turn']);
    expect(labels.isComplete).toBe(true);
  });

  it('leaves out what leads to where nothing can follow', () => {
    const labels = new LabelTokens(vocabularyOf('ref', 'refund', 're', 'turn', ' '), ['refund', 'return']);
    expect(textsOf(labels, '')).toEqual(['refund', ' ', 're']);
    expect(textsOf(labels, 're')).toEqual(['turn']);
  });

  it('says the rest when one label is left, and that an answer may end where another label goes on', () => {
    const labels = new LabelTokens(vocabularyOf('card', ' lost', ' ', 'other'), ['card', 'card lost', 'other']);
    expect([labels.rest(''), labels.rest('card'), labels.rest('oth'), labels.rest(' o'), labels.rest('card l')]).toEqual([
      null,
      null,
      'er',
      'ther',
      'ost',
    ]);
    expect(labels.choices('card')).toEqual([
      { token: END, text: null },
      { token: 1, text: ' lost' },
    ]);
  });

  it('knows when the vocabulary cannot spell a label', () => {
    expect(new LabelTokens(vocabularyOf('a', 'b'), ['ab', 'ba']).isComplete).toBe(true);
    expect(new LabelTokens(vocabularyOf('a', 'b'), ['ab', 'aü']).isComplete).toBe(false);
  });
});
