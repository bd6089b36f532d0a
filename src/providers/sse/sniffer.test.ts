import { describe, expect, it } from 'vitest';
import { StreamSniffer } from './sniffer.ts';

/** What the sniffer says of bytes, at each place where they may be split. */
function verdicts(text: string): ReadonlySet<string | null> {
  const bytes = Buffer.from(text);
  const seen = new Set<string | null>();
  for (let at = 0; at <= bytes.length; at += 1) {
    const sniffer = new StreamSniffer();
    const first = sniffer.push(bytes.subarray(0, at));
    seen.add(first ?? sniffer.push(bytes.subarray(at)));
    if (first === null) expect(sniffer.held.equals(bytes)).toBe(true);
  }
  return seen;
}

describe('StreamSniffer', () => {
  it('knows a stream by its first bytes, wherever they are split', () => {
    const streams = ['data: {}\n\n', 'data:{}\n\n', 'event: ping\ndata: {}\n\n', ': comment\n\n', 'id: 1\ndata: x\n\n', 'retry: 10\n\n'];
    for (const text of [...streams, ...streams.map((it) => `\ufeff${it}`), ...streams.map((it) => `\r\n\n${it}`)]) {
      expect([text, verdicts(text)]).toEqual([text, new Set(['stream'])]);
    }
  });

  it('takes everything else for a plain answer', () => {
    for (const text of ['{"data": 1}', ' {"a":1}', '"data:"', '<html>', 'datum: 1 and more', 'events are', '[1]'])
      expect([text, verdicts(text)]).toEqual([text, new Set(['plain'])]);
  });

  it('does not decide about nothing, nor wait for ever', () => {
    expect(new StreamSniffer().push(Buffer.from('\n\n'))).toBeNull();
    expect(new StreamSniffer().push(Buffer.from('da'))).toBeNull();
    expect(new StreamSniffer().push(Buffer.alloc(80, '\n'))).toBe('plain');
  });
});
