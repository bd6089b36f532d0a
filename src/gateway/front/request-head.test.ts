import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, type FrontServer, openFront, openPlain, plainText, type TestServer } from '../../../test/support/front-world.ts';
import type { ClientHead } from '../client.ts';
import { readRequestHead } from './request-head.ts';

const lines = (...list: readonly string[]) => list.join('\r\n');

describe('a head', () => {
  it('is read with its names and values as they are, and its headers by name in lower case', () => {
    const head = readRequestHead(lines('POST /v1/x?y=1 HTTP/1.1', 'Host:x', 'CONTENT-LENGTH: 12', 'X-A:  b: c  ', 'x-b:'));
    expect(head).toEqual({
      url: '/v1/x?y=1',
      headers: { host: 'x', 'content-length': '12', 'x-a': 'b: c', 'x-b': '' },
      rawHeaders: ['Host', 'x', 'CONTENT-LENGTH', '12', 'X-A', 'b: c', 'x-b', ''],
      bodyLength: 12,
    });
  });

  it('that names what objects have gets none of it from an object', () => {
    for (const name of ['__proto__', 'constructor', '__PROTO__']) {
      expect(readRequestHead(lines('POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', `${name}: a`))).toBeNull();
    }
    const head = readRequestHead(lines('POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', 'toString: a', 'hasOwnProperty: b'));
    expect(head?.headers).toMatchObject({ tostring: 'a', hasownproperty: 'b' });
  });

  it('is read the same after a great many names as before', () => {
    const read = (name: string) => readRequestHead(lines('POST / HTTP/1.1', 'Host: x', 'Content-Length: 1', `${name}: a`))?.rawHeaders[4];
    for (let i = 0; i < 3_000; i += 1) expect(read(`x-${i}`)).toBe(`x-${i}`);
    for (const name of ['x-1', 'X-2999', 'Authorization', 'x-new']) expect(read(name)).toBe(name);
    for (const name of ['Transfer-Encoding', 'TRANSFER-ENCODING', 'x new', 'x\u0000', 'Expect']) expect(read(name)).toBeUndefined();
  });
});

describe('bytes that somebody has tampered with', () => {
  /** What is seen of a request. */
  type Seen = readonly (string | undefined)[];
  let plain: TestServer;
  let front: FrontServer;
  let plainSaw: Seen[] = [];
  let frontSaw: Seen[] = [];
  const seen = ({ method, url, rawHeaders }: ClientHead): Seen => [method, url, ...rawHeaders];

  beforeAll(async () => {
    plain = await openPlain((_request, answer) => answer.end());
    plain.server.prependListener('request', (request: IncomingMessage) => plainSaw.push(seen(request)));
    front = await openFront((request, answer, isFront) => {
      if (isFront) frontSaw.push(seen(request));
      answer.end();
    });
    front.server.prependListener('request', (request: IncomingMessage) => frontSaw.push(seen(request)));
  });
  afterAll(async () => {
    await front?.close();
    await plain?.close();
  });

  const text = plainText('hello', '/front', ['X-A: b', 'Transfer-Encodin: chunked']) + plainText('0\r\n\r\n', '/front');
  const characters = '\0\t\n\r\v\f\x1f\x7f\x80\x85\xa0\xff :;,+-059gaPZ_/"@()#?%';
  const change = fc.record({
    at: fc.nat({ max: text.length - 1 }),
    removed: fc.constantFrom(0, 0, 1, 1, 2, 5),
    put: fc.oneof(
      fc.string({ unit: fc.constantFrom(...characters), maxLength: 3 }),
      fc.constantFrom(
        '\r\n',
        '\r\n\r\n',
        '\r\n ',
        'g: chunked\r\nx',
        'Connection: close\r\n',
        'Content-Length: 3\r\n',
        'Expect: 100-continue\r\n',
        '',
      ),
    ),
  });

  it('make the front read no request that node:http would not read, nor another one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        plainSaw = [];
        frontSaw = [];
        let bytes = text;
        for (const { at, removed, put } of changes) bytes = bytes.slice(0, at) + put + bytes.slice(at + removed);
        // What ends every connection: nonsense, and where that is taken for a body, the end.
        const pieces = [`${bytes}\0\0\0\0\r\n\r\n`];
        await Promise.all([plain, front].map(({ port }) => ask(port, pieces, { halfCloses: true })));
        expect(frontSaw).toEqual(plainSaw);
      }),
      { numRuns: 300 },
    );
  });
});
