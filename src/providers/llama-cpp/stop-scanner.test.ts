import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Piece, StopScanner } from './stop-scanner.ts';

const scored = (text: string): Piece => ({ text, logprob: { token: text, logprob: -1, top: [] } });

describe('StopScanner', () => {
  it('lets pieces out at once where no stop sequence is asked for', () => {
    const scanner = new StopScanner([]);
    expect([scanner.push(scored('a')), scanner.push(scored('\n'))]).toEqual([[scored('a')], [scored('\n')]]);
  });

  it('holds back what could be the beginning of a stop sequence, and lets it out when it is none', () => {
    const scanner = new StopScanner(['END']);
    expect([scanner.push(scored('the E')), scanner.push(scored('N')), scanner.push(scored('T'))]).toEqual([
      [],
      [],
      [scored('the E'), scored('N'), scored('T')],
    ]);
  });

  it('cuts at the first stop sequence; a token that it cuts in two keeps its text and has no probability', () => {
    const scanner = new StopScanner(['\n\n', '##']);
    expect([scanner.push(scored('yes')), scanner.push(scored(' sir#')), scanner.push(scored('#\n\nmore'))]).toEqual([
      [scored('yes')],
      [],
      [{ text: ' sir', logprob: null }],
    ]);
    expect({ met: scanner.met, after: scanner.push(scored('more')), end: scanner.end() }).toEqual({ met: '##', after: [], end: [] });
  });

  it('says what the whole text would say cut at its first stop sequence, however it comes in pieces', () => {
    const letters = fc.stringMatching(/^[ab]{1,4}$/);
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 12 }), fc.array(letters, { maxLength: 3 }), (pieces, stops) => {
        const scanner = new StopScanner(stops);
        const out = pieces.flatMap((text) => scanner.push(scored(text)));
        const said = [...out, ...scanner.end()].map(({ text }) => text).join('');
        const text = pieces.join('');
        // Met as soon as it is there: at the earliest end, and of several that end in one piece at the earliest beginning.
        if (scanner.met === null) expect(said).toBe(text);
        else expect(text.startsWith(said + scanner.met)).toBe(true);
        expect(scanner.met === null).toBe(!stops.some((stop) => text.includes(stop)));
        expect(stops.some((stop) => said.includes(stop))).toBe(false);
      }),
    );
  });
});
