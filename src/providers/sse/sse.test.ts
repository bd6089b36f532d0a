import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSse, formatSseComment, type SseFrame, SseParser, type SseParserOptions } from './index.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Parses `bytes` in pieces that end at `cuts`, and at the end of the stream. */
function parse(bytes: Uint8Array, cuts: readonly number[] = [], options: SseParserOptions = {}): SseFrame[] {
  const parser = new SseParser(options);
  const frames: SseFrame[] = [];
  let from = 0;
  for (const cut of [...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    // A copy of its own, overwritten afterwards: a parser that kept a view of it would be found out.
    const piece = bytes.slice(from, cut);
    frames.push(...parser.push(piece).map((f) => (f.raw ? { ...f, raw: new Uint8Array(f.raw) } : f)));
    piece.fill(0x58);
    from = cut;
  }
  frames.push(...parser.end());
  return frames;
}

describe('SseParser', () => {
  it('reads LF, CR and CRLF, comments, missing spaces, several data lines, and ignores id and retry', () => {
    const text =
      ': hello\n\ndata:{"a":1}\r\n\r\nevent: ping\rdata: x\rdata:y\r\rid: 7\nretry: 10\n\ndata\n\nevent: only-a-name\n\ndata:  two spaces\n\n';
    expect(parse(encode(text))).toEqual([
      { event: null, data: '{"a":1}' },
      { event: 'ping', data: 'x\ny' },
      { event: null, data: ' two spaces' },
    ]);
  });

  it('skips a byte order mark, also one split over chunks', () => {
    const bytes = encode('\uFEFFdata: 1\n\n');
    expect(bytes[0]).toBe(0xef);
    for (let cut = 0; cut <= bytes.length; cut++) expect(parse(bytes, [cut])).toEqual([{ event: null, data: '1' }]);
  });

  it('gives out a last event that lacks only its blank line, and never half a line', () => {
    expect(parse(encode('data: 1\n\ndata: 2\n'))).toEqual([
      { event: null, data: '1' },
      { event: null, data: '2' },
    ]);
    expect(parse(encode('data: 1\n\ndata: {"half'))).toEqual([{ event: null, data: '1' }]);
  });

  it('reads the same frames however the bytes are split, characters included', () => {
    const field = fc.stringMatching(/^[^\r\n]*$/);
    const ending = fc.constantFrom('\n', '\r', '\r\n');
    const line = fc.oneof(
      fc.tuple(
        fc.constantFrom('data: ', 'data:', 'event: ', ': ', 'id: ', ''),
        fc.oneof(field, fc.constantFrom('é', '漢字', '🙂')),
        ending,
      ),
      fc.tuple(fc.constant(''), fc.constant(''), ending),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 12 }), (lines, cuts) => {
        const bytes = encode(lines.map((l) => l.join('')).join(''));
        const whole = parse(bytes);
        expect(parse(bytes, cuts)).toEqual(whole);
        expect(
          parse(
            bytes,
            [...bytes].map((_, i) => i),
          ),
        ).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps every byte where asked, so that a proxy forwards exactly what came', () => {
    const text = '\uFEFF: comment\n\ndata: 1\r\n\r\n\n\nevent: x\rdata: é\r\rdata: unfinished';
    const bytes = encode(text);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 8 }), (cuts) => {
        const frames = parse(bytes, cuts, { keepRaw: true });
        expect(Buffer.concat(frames.map((f) => f.raw ?? new Uint8Array())).toString()).toBe(text);
        expect(frames.filter((f) => f.data !== '').map((f) => [f.event, f.data])).toEqual([
          [null, '1'],
          ['x', 'é'],
        ]);
      }),
    );
  });

  it('ends a stream whose event never ends, in one line or in many', () => {
    const parser = new SseParser({ maxFrameBytes: 100 });
    expect(() => {
      for (let i = 0; i < 100; i++) parser.push(encode('data: 0123456789'));
    }).toThrow(expect.objectContaining({ code: 'UPSTREAM_INVALID' }));
    const lines = new SseParser({ maxFrameBytes: 100 });
    expect(() => {
      for (let i = 0; i < 100; i++) lines.push(encode('data: 0123456789\n'));
    }).toThrow(expect.objectContaining({ code: 'UPSTREAM_INVALID' }));
  });

  it('reads a large event that comes in small pieces', () => {
    const data = 'x'.repeat(300_000);
    const bytes = encode(`data: ${data}\n\n`);
    const cuts = Array.from({ length: 3_000 }, (_, i) => i * 100);
    expect(parse(bytes, cuts)).toEqual([{ event: null, data }]);
  });
});

describe('formatSse', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(fc.option(fc.stringMatching(/^[a-z._]+$/)), fc.string({ minLength: 1 }), (event, data) => {
        const text = formatSse(event, data);
        expect(parse(encode(text))).toEqual([{ event, data: data.split(/\r\n|\n|\r/).join('\n') }].filter((f) => f.data !== ''));
      }),
    );
  });

  it('writes comments that no reader sees and no text can break out of', () => {
    expect(parse(encode(formatSseComment('wait\n\ndata: injected')))).toEqual([]);
  });
});
