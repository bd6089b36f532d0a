import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineCutter } from './batch-lines.ts';

/** The lines of a text that comes in pieces of these lengths. */
function cut(text: string, lengths: readonly number[], maxBytes = 1_000_000) {
  const cutter = new LineCutter(maxBytes);
  const lines: string[] = [];
  let rest = Buffer.from(text);
  for (const length of [...lengths, rest.length]) {
    for (const line of cutter.push(rest.subarray(0, length))) lines.push(line.toString());
    rest = rest.subarray(length);
  }
  const last = cutter.end();
  if (last !== null) lines.push(last.toString());
  return { lines, tooLong: cutter.tooLong };
}

describe('LineCutter', () => {
  it('gives the lines of a text, wherever its bytes are split', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[aé ]{0,9}$/)), fc.boolean(), fc.array(fc.nat({ max: 7 })), (list, isEnded, lengths) => {
        const text = list.join('\n') + (isEnded && list.length > 0 ? '\n' : '');
        const expected = text.split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(cut(text, lengths)).toEqual({ lines: expected, tooLong: 0 });
      }),
    );
  });

  it('passes over lines that are too long, and counts them', () => {
    expect(cut('ab\nabcdef\ncd\nabcde', [4, 3], 4)).toEqual({ lines: ['ab', 'cd'], tooLong: 2 });
  });
});
