import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatten, locate } from './locate.ts';
import { TokenReader } from './tokens.ts';

const tokens = new TokenReader();

/** The passages that stand for a value. */
function passages(text: string, value: string): string[] {
  tokens.read(text);
  return locate(tokens, flatten(tokens), value).map(({ from, to }) => text.slice(tokens.starts[from]!, tokens.ends[to - 1]!));
}

describe('finding a value in a text', () => {
  it('finds every place where it stands letter by letter', () => {
    expect(passages('TOTAL 9.00\nCASH 9.00', '9.00')).toEqual(['9.00', '9.00']);
  });

  it('takes whole tokens only', () => {
    expect(passages('TOTAL 133.90', '33.90')).toEqual([]);
    expect(passages('the art of Bart', 'art')).toEqual(['art']);
  });

  it('finds a name before its genitive', () => {
    expect(passages("play dave grohl's songs", 'dave grohl')).toEqual(['dave grohl']);
  });

  it('looks past case, spaces, line ends and marks', () => {
    expect(passages('27,JALAN DEDAP 13,\nTAMAN JOHOR.\nTEL', '27, Jalan Dedap 13, Taman Johor.')).toEqual([
      '27,JALAN DEDAP 13,\nTAMAN JOHOR.',
    ]);
  });

  it('finds the same number and the same day in another writing', () => {
    expect(passages('total 1,234.50 for three', '1234.5')).toEqual(['1,234.50']);
    expect(passages('table for three people', '3')).toEqual(['three']);
    expect(passages('on 25/12/2018 at noon', '2018-12-25')).toEqual(['25/12/2018']);
    expect(passages('due December 25, 2018 at noon', '2018-12-25')).toEqual(['December 25, 2018']);
  });

  it('finds a long value with misread characters, and no short one', () => {
    expect(passages('GERPANG ALAF RESTAURANT5 SDN BHD\nTEL 1', 'GERBANG ALAF RESTAURANTS SDN BHD')).toEqual([
      'GERPANG ALAF RESTAURANT5 SDN BHD',
    ]);
    expect(passages('Oslo', 'Osla')).toEqual([]);
  });

  it('finds nothing for an empty value, and nothing that is not there', () => {
    expect(passages('some text', '')).toEqual([]);
    expect(passages('', 'value')).toEqual([]);
    expect(passages('some text', 'a completely different value')).toEqual([]);
  });

  it('finds any run of whole words of any text', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'Z', 'é', '7', '-', '東'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), fc.nat(), fc.nat(), (words, a, b) => {
        const from = a % words.length;
        const to = from + 1 + (b % (words.length - from));
        const value = words.slice(from, to).join(' ');
        expect(passages(words.join(' '), value)).toContain(value);
      }),
    );
  });
});
