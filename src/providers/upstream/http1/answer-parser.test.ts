import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnswerHead } from './answer-head.ts';
import { AnswerParser } from './answer-parser.ts';
import { NotHttp } from './errors.ts';

interface Heard {
  readonly head: AnswerHead | null;
  readonly body: string;
  readonly isWhole: boolean;
  readonly isClean: boolean;
}

/** What a parser tells of an answer that comes in these pieces. */
function read(pieces: readonly (string | Buffer)[], options: { readonly isAnswerToHead?: boolean; readonly ends?: boolean } = {}): Heard {
  let head: AnswerHead | null = null;
  const body: Buffer[] = [];
  let isWhole = false;
  let isClean = false;
  const parser = new AnswerParser({
    onHead: (told) => {
      head = told;
    },
    onBody: (bytes) => body.push(Buffer.from(bytes)),
    onEnd: (told) => {
      isWhole = true;
      isClean = told;
    },
  });
  parser.begin(options.isAnswerToHead === true);
  for (const piece of pieces) parser.push(Buffer.from(piece as string, 'latin1'));
  if (options.ends === true && !isWhole) parser.finish();
  return { head, body: Buffer.concat(body).toString('latin1'), isWhole, isClean };
}

/** Cuts a text at places between 0 and 1. */
function cutAt(text: string, places: readonly number[]): readonly string[] {
  const cuts = [...new Set(places.map((place) => Math.floor(place * text.length)))].sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => text.slice(from, cuts[i] ?? text.length)).filter((piece) => piece !== '');
}

const latin1 = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

describe('an answer', () => {
  it('is the same however it is cut, framed by its length', () => {
    fc.assert(
      fc.property(latin1, places, (body, cuts) => {
        const text = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        const heard = read(cutAt(text, cuts));
        expect({ ...heard, head: heard.head?.headers }).toEqual({
          head: ['content-type', 'text/plain', 'content-length', String(body.length)],
          body,
          isWhole: true,
          isClean: true,
        });
      }),
    );
  });

  it('is the same however it is cut, framed by chunks with extensions and a trailer', () => {
    fc.assert(
      fc.property(fc.array(latin1, { maxLength: 6 }), places, (parts, cuts) => {
        const chunks = parts.filter((part) => part !== '').map((part) => `${part.length.toString(16)};a=b\r\n${part}\r\n`);
        const text = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\nX-Sum: 1\r\n\r\n`;
        const heard = read(cutAt(text, cuts));
        expect([heard.body, heard.isWhole, heard.isClean]).toEqual([parts.join(''), true, true]);
      }),
    );
  });

  it('without a length ends with its connection, and then the connection is not used again', () => {
    const heard = read(['HTTP/1.1 200 OK\r\n\r\nab', 'c'], { ends: true });
    expect([heard.body, heard.isWhole, heard.head?.staysOpen]).toEqual(['abc', true, false]);
  });

  it('that its length has not come to is not whole when the connection ends', () => {
    const heard = read(['HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab'], { ends: true });
    expect([heard.body, heard.isWhole]).toEqual(['ab', false]);
  });

  it.each([
    ['to a HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', true],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', false],
    ['304 with the length of what it stands for', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n', false],
    ['of length 0', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', false],
  ])('has no body: %s', (_name, text, isAnswerToHead) => {
    const heard = read([text], { isAnswerToHead });
    expect([heard.body, heard.isWhole, heard.isClean]).toEqual(['', true, true]);
  });

  it('comes after any number of interim ones', () => {
    const heard = read([
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\nx',
    ]);
    expect([heard.head?.status, heard.body, heard.isWhole]).toEqual([201, 'x', true]);
  });

  it('says how long its connection stays open', () => {
    const of = (lines: string) => {
      const { head } = read([`${lines}\r\ncontent-length: 0\r\n\r\n`]);
      return [head?.staysOpen, head?.idleMs];
    };
    expect(of('HTTP/1.1 200 OK')).toEqual([true, null]);
    expect(of('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=100')).toEqual([true, 5000]);
    expect(of('HTTP/1.1 200 OK\r\nConnection: x-hop, Close')).toEqual([false, null]);
    expect(of('HTTP/1.0 200 OK')).toEqual([false, null]);
    expect(of('HTTP/1.0 200 OK\r\nConnection: keep-alive')).toEqual([true, null]);
  });

  it('is whole but not clean when more comes than belongs to it', () => {
    expect(() => read(['HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n'])).toThrow(NotHttp);
  });

  it('takes white space around a value, and none before a colon', () => {
    const heard = read(['HTTP/1.1 200 OK\r\nA:\t b c \t\r\ncontent-length: 0\r\n\r\n']);
    expect(heard.head?.headers.slice(0, 2)).toEqual(['a', 'b c']);
    expect(() => read(['HTTP/1.1 200 OK\r\nA : b\r\n\r\n'])).toThrow(NotHttp);
  });

  it.each([
    ['no status line', 'hello\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a header without a colon', 'HTTP/1.1 200 OK\r\nabc\r\n\r\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n'],
    ['a bare line feed in a value', 'HTTP/1.1 200 OK\r\na: b\nset-cookie: c\r\n\r\n'],
    ['a line feed at the end of a value', 'HTTP/1.1 200 OK\r\na: b\n\r\n\r\n'],
    ['a NUL', 'HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['another coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'],
    ['chunks twice', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxy\r\n'],
    ['a chunk size with a sign', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n'],
    ['a chunk longer than it said', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n'],
    ['a chunk size that ends in a bare line feed', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\na\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(20_000)}`],
    ['a trailer without end', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(20_000)}`],
  ])('is none: %s', (_name, text) => {
    expect(() => read([text])).toThrow(NotHttp);
  });

  it('is never anything but an answer or NotHttp, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }), (pieces) => {
        try {
          read([Buffer.from('HTTP/1.1 200 OK\r\n'), ...pieces.map((piece) => Buffer.from(piece))].map((piece) => piece.toString('latin1')));
        } catch (error) {
          expect(error).toBeInstanceOf(NotHttp);
        }
      }),
    );
  });
});
