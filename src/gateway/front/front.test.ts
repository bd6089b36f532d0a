import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ask,
  type FrontServer,
  type Handler,
  openFront,
  openPlain,
  plainText,
  readAnswers,
  requestText,
  type TestServer,
} from '../../../test/support/front-world.ts';

/** Who has read the requests of the front's server: the front or node:http. */
let readBy: ('front' | 'node')[] = [];
let plain: TestServer;
let front: FrontServer;

const echo: Handler = ({ method, url, httpVersion, headers, rawHeaders, body }, answer, isFront) => {
  readBy.push(isFront ? 'front' : 'node');
  const text = JSON.stringify({ method, url, httpVersion, headers, rawHeaders, body: body.toString('latin1') });
  const kind = url?.split('?')[1];
  if (kind === 'empty') answer.writeHead(204, ['x-kind', 'empty']);
  else if (kind === 'same') answer.writeHead(304, ['ETag', '"a"']);
  else if (kind === 'chunks' || kind === 'flushed') answer.writeHead(200, ['content-type', 'text/event-stream']);
  else
    answer.writeHead(418, [
      'content-type',
      'application/json',
      'content-length',
      String(text.length),
      'Set-Cookie',
      'a',
      'Set-Cookie',
      'b',
    ]);
  if (kind === 'flushed') answer.flushHeaders();
  if (kind === 'chunks' || kind === 'flushed') {
    for (const part of text.match(/.{1,40}/gs) ?? []) answer.write(Buffer.from(part, 'latin1'));
    if (kind === 'chunks') answer.end(Buffer.from('the end'));
    else answer.end();
  } else if (kind === 'text') answer.end(text, 'latin1');
  else if (kind === 'empty' || kind === 'same') answer.end();
  else answer.end(Buffer.from(text, 'latin1'));
};

beforeAll(async () => {
  const plainEcho: Handler = (request, answer) => {
    const read = readBy;
    readBy = [];
    echo(request, answer, false);
    readBy = read;
  };
  plain = await openPlain(plainEcho);
  front = await openFront(echo);
});
afterAll(async () => {
  await front?.close();
  await plain?.close();
});

/** What comes back from both; the same bytes, but for the date and for capitals in the names of headers. */
async function askBoth(pieces: readonly string[], ends: Parameters<typeof ask>[2]) {
  readBy = [];
  const [expected, got] = await Promise.all([ask(plain.port, pieces, ends), ask(front.port, pieces, ends)]);
  return { expected: readAnswers(expected), got: readAnswers(got), readBy };
}

const HOST = 'Host: x';
const LENGTH = 'Content-Length: 5';
const five = (...headers: readonly string[]) => requestText([HOST, ...headers], 'hello');
const fiveAt = (line: string) => requestText([HOST, LENGTH], 'hello', line);

describe('a request', () => {
  const token = fc.stringMatching(/^[a-zA-Z][!#$%&'*+.^_`|~0-9a-zA-Z-]{0,12}$/);
  const value = fc.stringMatching(/^ {0,2}([\x21-\x7e]([\x20-\x7e]{0,20}[\x21-\x7e])?)? {0,2}$/);
  const taken = new Set(['host', 'content-length', 'connection', 'transfer-encoding', 'upgrade', 'expect', 'trailer']);
  const headers = fc
    .uniqueArray(fc.tuple(token, value), { maxLength: 5, selector: ([name]) => name.toLowerCase() })
    .map((list) => list.filter(([name]) => !taken.has(name.toLowerCase())).map(([name, text]) => `${name}:${text}`));
  const body = fc.oneof(
    { weight: 4, arbitrary: fc.string({ minLength: 1, maxLength: 50 }).map((text) => Buffer.from(text).toString('latin1')) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 100_000 }) },
  );
  const path = fc
    .tuple(
      fc.stringMatching(/^\/front[a-z/%.~;=@-]{0,10}$/),
      fc.constantFrom('', '?text', '?chunks', '?flushed', '?empty', '?same', '?a=b'),
    )
    .map((parts) => parts.join(''));
  const one = fc.tuple(body, path, headers);
  type One = typeof one extends fc.Arbitrary<infer T> ? T : never;
  /** Long bodies are only made here, so that a report of a failure can be read. */
  const textOf = ([content, ...rest]: One) => plainText(typeof content === 'number' ? 'x'.repeat(content) : content, ...rest);
  const foreign = fc.constantFrom(
    requestText([HOST], '', 'GET /front HTTP/1.1'),
    fiveAt('POST /other HTTP/1.1'),
    requestText([HOST, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'),
  );
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });

  it('is answered as by node:http, however many come in a row and wherever they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 5 }), cuts, async (requests, at) => {
        const { expected, got, readBy: read } = await askBoth(cut(requests.map(textOf).join(''), at), { answers: requests.length });
        expect(got).toEqual(expected);
        expect(read).toEqual(requests.map(() => 'front'));
      }),
      { numRuns: 60 },
    );
  });

  it('that the front does not read takes its connection to node:http, which answers it and all after it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(one, { maxLength: 3 }),
        foreign,
        fc.array(one, { maxLength: 2 }),
        cuts,
        async (before, other, after, at) => {
          const text = [...before.map(textOf), other, ...after.map(textOf)].join('');
          const { expected, got, readBy: read } = await askBoth(cut(text, at), { answers: before.length + 1 + after.length });
          expect(got).toEqual(expected);
          expect(read).toEqual([...before.map(() => 'front'), 'node', ...after.map(() => 'node')]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is answered as by node:http wherever one is cut in two', async () => {
    const text = plainText('{"a":1}', '/front?chunks', ['X-A: b']);
    const places = Array.from({ length: text.length - 1 }, (_, at) => [text.slice(0, at + 1), text.slice(at + 1)]);
    const [first] = (await askBoth([text], { answers: 1 })).expected;
    const answers = await Promise.all(places.map((pieces) => ask(front.port, pieces, { answers: 1 })));
    for (const answer of answers) expect(readAnswers(answer)).toEqual([first]);
  });
});

it('what comes on many connections at once, read into one buffer, is never mixed', async () => {
  const asked = Array.from({ length: 40 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(1 + ((i * 7919) % 120_000)));
  const heard = await Promise.all(
    asked.map((body, i) => {
      const text = plainText(body) + plainText(`${i}`);
      return ask(front.port, cut(text, [0.2, 0.31, 0.5, 0.77, 0.9, 0.999]), { answers: 2 });
    }),
  );
  const bodies = heard.map((text) => readAnswers(text).map(({ body }) => JSON.parse(body).body));
  expect(bodies).toEqual(asked.map((body, i) => [body, `${i}`]));
});

function cut(text: string, at: readonly number[]): string[] {
  const places = [...new Set(at.map((share) => Math.floor(share * text.length)))].sort((a, b) => a - b).filter((place) => place > 0);
  return [0, ...places].map((place, i) => text.slice(place, places[i] ?? text.length));
}

describe('what is unusual', () => {
  it.each([
    ['a length of nothing', requestText([HOST, 'Content-Length: 0'])],
    ['no length', requestText([HOST])],
    ['a length with zeros before it', five('Content-Length: 05')],
    ['chunks', requestText([HOST, 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n')],
    ['a compressed body', five(LENGTH, 'Content-Encoding: gzip')],
    ['letters above ASCII', five(LENGTH, 'X-A: \xe9')],
    ['a header that is twice', five(LENGTH, 'X-A: 1', 'x-a: 2')],
    ['a credential that is twice', five(LENGTH, 'Authorization: a', 'authorization: b')],
    ['a tab in a value', five(LENGTH, 'X-A: \ta\tb\t')],
    ['two cookies', five(LENGTH, 'Cookie: a=1', 'Cookie: b=2')],
    ['a cookie to set', five(LENGTH, 'Set-Cookie: a')],
    ['names that objects have', five(LENGTH, '__proto__: a', 'constructor: b')],
    ['no host', requestText([LENGTH], 'hello')],
    ['two hosts', five(LENGTH, 'host: y')],
    ['a connection that shall end', five(LENGTH, 'Connection: close')],
    ['a connection that shall become another', five(LENGTH, 'Connection: Upgrade', 'Upgrade: h2c')],
    ['a client that waits for a word', five(LENGTH, 'Expect: 100-continue'), 2],
    ['an expectation of something else', five(LENGTH, 'Expect: more')],
    ['a trailer that is announced', five(LENGTH, 'Trailer: x')],
    ['HTTP/1.0', fiveAt('POST /front HTTP/1.0')],
    ['a target with its origin', fiveAt('POST http://x/front HTTP/1.1')],
    ['a target that is none', fiveAt('POST * HTTP/1.1')],
    ['two spaces in the first line', fiveAt('POST  /front HTTP/1.1')],
    ['an empty line before it', `\r\n${five(LENGTH)}`],
    ['an empty line after it', `${five(LENGTH)}\r\n${five(LENGTH)}`, 2],
    ['other methods', requestText([HOST], '', 'GET /front HTTP/1.1') + requestText([HOST, LENGTH], 'hello', 'PUT /front HTTP/1.1'), 2],
    ['a head of 20 KB', five(LENGTH, `X-A: ${'a'.repeat(20_000)}`)],
    ['200 headers', five(LENGTH, ...Array.from({ length: 200 }, (_, i) => `n${i}: 1`))],
    ['a body of more than a megabyte', plainText('x'.repeat(1_100_000))],
  ])('is node:http’s to answer: %s', async (_what, text, answers = 1) => {
    const { expected, got, readBy: read } = await askBoth([text], { answers });
    expect(got).toEqual(expected);
    expect(read).toContain('node');
    for (const { line } of expected) expect(line).toMatch(/ (418|100) /);
  });

  it.each([
    ['a value of nothing', five(LENGTH, 'X-A:', 'X-B:   ')],
    ['white space around a length', five('Content-Length:   5  ')],
    ['a host of nothing', requestText(['Host:', LENGTH], 'hello')],
    ['a connection that stays, said aloud', five(LENGTH, 'Connection: Keep-Alive')],
    ['a colon in a value', five(LENGTH, 'X-A:b:c:')],
    ['characters in the target that should not be there', fiveAt('POST /front"<>\\^`{|}?"<>\\^`{|} HTTP/1.1')],
    ['a fragment', fiveAt('POST /front#a?b HTTP/1.1')],
  ])('and yet plain is the front’s, with the same answer: %s', async (_what, text) => {
    const { expected, got, readBy: read } = await askBoth([text], { answers: 1 });
    expect(got).toEqual(expected);
    expect(read).toEqual(['front']);
  });
});

describe('what is wrong', () => {
  const smuggled = requestText([HOST], '', 'GET /smuggled HTTP/1.1');
  it.each([
    ['a length with a sign', five('Content-Length: +5')],
    ['a length below nothing', five('Content-Length: -5')],
    ['a length in other digits', five('Content-Length: 0x5')],
    ['a list of lengths', five('Content-Length: 5, 5')],
    ['the same length twice', five(LENGTH, LENGTH)],
    ['two lengths', five(LENGTH, 'content-length: 6')],
    ['a length and chunks', requestText([HOST, LENGTH, 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`)],
    ['chunks that hide behind a space', five('Transfer-Encoding : chunked', LENGTH)],
    ['chunks that hide behind a line feed', five('X-A: \nTransfer-Encoding: chunked', LENGTH)],
    ['chunks that hide behind a carriage return', five('X-A: \rTransfer-Encoding: chunked', LENGTH)],
    ['a vertical tab before a length', five('Content-Length: \x0b5')],
    ['a form feed after a length', five('Content-Length: 5\x0c')],
    ['a space that is none before a length', five('Content-Length:\xa05')],
    ['a carriage return at the end of a value', five('X-A: b\r', LENGTH)],
    ['a carriage return in a value', five('X-A: b\rc', LENGTH)],
    ['a line that is folded', five('X-A: b', ' c', LENGTH)],
    ['a first line that is folded', requestText([' X: a', HOST, LENGTH], 'hello')],
    ['lines that end with a line feed alone', five(LENGTH).replaceAll('\r\n', '\n')],
    ['a NUL', five('X-A: a\0b', LENGTH)],
    ['a DEL', five('X-A: a\x7f', LENGTH)],
    ['a space in a name', five('X A: b', LENGTH)],
    ['no name', five(': b', LENGTH)],
    ['no colon', five('X-A', LENGTH)],
    ['a version of the future', fiveAt('POST /front HTTP/1.2')],
    ['a version and more', fiveAt('POST /front HTTP/1.1 ')],
    ['a tab in the first line', fiveAt('POST\t/front HTTP/1.1')],
    ['a method in small letters', fiveAt('post /front HTTP/1.1')],
    ['a target above ASCII', fiveAt('POST /front\xe9 HTTP/1.1')],
    ['no HTTP', 'Phello\r\n\r\n'],
    ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a head that does not end', 'POST /front HTTP/1.1\r\nHost'],
    ['a body that does not end', requestText([HOST, 'Content-Length: 6'], 'hello')],
    ['a head of 100 KB', five(LENGTH, `X-A: ${'a'.repeat(100_000)}`)],
    ['a method that opens a tunnel', requestText([HOST], '', 'CONNECT x:1 HTTP/1.1')],
  ])('is refused as by node:http: %s', async (_what, text) => {
    const { expected, got, readBy: read } = await askBoth([text], { halfCloses: true });
    expect(got).toEqual(expected);
    expect(read).toEqual([]);
    for (const { line } of expected) expect(line).toMatch(/ 400 HPE_/);
  });

  it('and comes after a good request is refused after that was answered', async () => {
    for (const pieces of [[`${five(LENGTH)}junk`], [five(LENGTH), 'junk']]) {
      const answers = readAnswers(await ask(front.port, pieces, {}));
      expect(answers.map(({ line }) => line)).toEqual(["HTTP/1.1 418 I'm a Teapot", 'HTTP/1.1 400 HPE_INVALID_METHOD']);
    }
  });
});
