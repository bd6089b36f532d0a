import { once } from 'node:events';
import fc from 'fast-check';
import { request as ask } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  ask as askRaw,
  type FrontServer,
  type Handler,
  openFront,
  openPlain,
  plainText,
  readAnswers,
  type TestServer,
  talkTo,
  turns,
  until,
} from '../../../test/support/front-world.ts';
import type { ClientAnswer } from '../client.ts';

let handler: Handler = () => undefined;
let front: FrontServer;
let plain: TestServer;

beforeAll(async () => {
  front = await openFront((...parameters) => handler(...parameters));
  plain = await openPlain((...parameters) => handler(...parameters));
});
afterAll(async () => {
  await front?.close();
  await plain?.close();
});
afterEach(() => {
  expect(front.handedOver()).toBe(0);
});

/** What a strict reader and a client of another make find in the answer. */
async function readBoth(answer: (answer: ClientAnswer) => void) {
  handler = (_request, response) => answer(response);
  const [[strict], other] = await Promise.all([
    askRaw(front.port, [plainText('x')], { answers: 1 }).then(readAnswers),
    ask(`http://127.0.0.1:${front.port}/front`, { method: 'POST', body: 'x' }),
  ]);
  const bytes = Buffer.from(await other.body.arrayBuffer());
  expect(bytes.equals(Buffer.from(strict?.body ?? '', 'latin1'))).toBe(true);
  return { line: strict?.line, headers: strict?.headers ?? [], bytes };
}

const KEPT = ['connection: keep-alive', 'keep-alive: timeout=75'];

describe('a whole answer', () => {
  it.each([0, 1, 16 * 1024, 16 * 1024 + 1, 100_000, 3_000_000])(
    'of %d bytes arrives as it was given, as bytes and as text',
    async (length) => {
      const body = Buffer.allocUnsafe(length);
      for (let i = 0; i < length; i += 1) body[i] = (i * 31) & 0xff;
      const ways: readonly ((answer: ClientAnswer) => void)[] = [
        (answer) => answer.end(body),
        (answer) => answer.end(body.toString('latin1'), 'latin1'),
      ];
      for (const end of ways) {
        for (const headers of [[], ['content-length', String(length)]]) {
          const got = await readBoth((answer) => {
            answer.writeHead(200, headers);
            end(answer);
          });
          expect(got.bytes.equals(body)).toBe(true);
          // Its length is known either way, so it is told.
          expect([got.line, [...got.headers].sort()]).toEqual(['HTTP/1.1 200 OK', [`content-length: ${length}`, ...KEPT].sort()]);
        }
      }
    },
  );

  it.each([204, 304])('has no body where its status is %d, whatever is written', async (status) => {
    const got = await readBoth((answer) => {
      answer.writeHead(status, ['x-a', 'b']);
      answer.write(Buffer.from('data'));
      answer.end(Buffer.from('data'));
    });
    expect([got.bytes.length, got.headers]).toEqual([0, ['x-a: b', ...KEPT]]);
  });

  it('that nobody gave a head is a good one', async () => {
    expect((await readBoth((answer) => answer.end())).line).toBe('HTTP/1.1 200 OK');
  });
});

describe('an answer in pieces', () => {
  it('arrives as it was given, whatever they are', async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.nat({ max: 40_000 }).map((length) => Buffer.alloc(length, 'piece')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), piece, fc.boolean(), fc.boolean(), async (pieces, last, isFlushed, hasLength) => {
        const whole = Buffer.concat([...pieces, last]);
        const got = await readBoth((answer) => {
          answer.writeHead(200, hasLength ? ['content-length', String(whole.length)] : []);
          if (isFlushed) answer.flushHeaders();
          for (const bytes of pieces) answer.write(Buffer.from(bytes));
          if (last.length === 0) answer.end();
          else answer.end(Buffer.from(last));
        });
        expect(got.bytes.equals(whole)).toBe(true);
        expect(got.headers.filter((header) => /^(content-length|transfer-encoding)/.test(header))).toHaveLength(1);
      }),
      { numRuns: 60 },
    );
  });

  it('shows its head before there is anything else', async () => {
    const answers: ClientAnswer[] = [];
    handler = (_request, answer) => answers.push(answer);
    const talk = await talkTo(front.port);
    talk.socket.write(plainText('x'));
    await until(() => answers.length === 1);
    answers[0]?.writeHead(200, ['content-type', 'text/event-stream']);
    answers[0]?.flushHeaders();
    await until(() => talk.heard().endsWith('\r\ntransfer-encoding: chunked\r\n\r\n'));
    answers[0]?.end();
    expect(readAnswers(await talk.answers(1))[0]?.body).toBe('');
    talk.socket.destroy();
  });
});

describe('a head', () => {
  it('that cannot be one is refused, and another can be written in its place', async () => {
    const errors: unknown[] = [];
    const unfit: readonly (readonly [number, string[]])[] = [
      [200, ['x-a', 'b\r\nx-injected: c']],
      [200, ['x-a', 'b\nc']],
      [200, ['x-a', 'b\0']],
      [200, ['x-a', '\u{1f600}']],
      [200, ['x-a: b\r\nx-injected', 'c']],
      [200, ['x a', 'b']],
      [200, ['', 'b']],
      [99, []],
      [100, []],
      [1000, []],
      [200.5, []],
      [Number.NaN, []],
    ];
    const got = await readBoth((answer) => {
      for (const [status, headers] of unfit) {
        try {
          answer.writeHead(status, headers);
        } catch (error) {
          errors.push((error as Error).constructor);
        }
      }
      expect(answer.headersSent).toBe(false);
      answer.writeHead(500, ['x-b', 'c']);
      expect(() => answer.writeHead(200, [])).toThrow('already');
      answer.end();
    });
    const expected = unfit.map(([status]) => (status === 200 ? TypeError : RangeError));
    expect(errors).toEqual([...expected, ...expected]);
    expect([got.line, got.headers]).toEqual(['HTTP/1.1 500 Internal Server Error', ['x-b: c', ...KEPT, 'content-length: 0']]);
  });

  it('keeps headers as they come, but for what frames the answer, whatever letters that is written in', async () => {
    const got = await readBoth((answer) => {
      answer.writeHead(200, [
        ...['Transfer-Encoding', 'chunked', 'KEEP-ALIVE', 'timeout=1', 'Connection', 'x-a'],
        ...['Set-Cookie', 'a', 'set-cookie', 'b', 'X-Text', 'caf\xe9\tau lait', 'Content-Length', '2'],
      ]);
      answer.end(Buffer.from('ok'));
    });
    expect(got.headers).toEqual(['set-cookie: a', 'set-cookie: b', 'x-text: caf\xe9\tau lait', 'content-length: 2', ...KEPT]);
  });

  it('says when it was made, unless it is told', async () => {
    handler = (request, answer) => {
      answer.writeHead(200, request.body.toString() === 'told' ? ['Date', 'then'] : []);
      answer.end();
    };
    const heard = await askRaw(front.port, [plainText('x') + plainText('told')], { answers: 2 });
    const dates = [...heard.matchAll(/^date: (.*)\r$/gm)].map(([, date]) => date as string);
    expect(dates).toHaveLength(2);
    expect(Math.abs(Date.parse(dates[0] as string) - Date.now())).toBeLessThan(60_000);
    expect(dates[1]).toBe('then');
  });

  it('that says that the connection ends is the last on it', async () => {
    handler = (_request, answer) => {
      answer.writeHead(200, ['connection', 'close', 'content-length', '2']);
      answer.end(Buffer.from('ok'));
    };
    const answers = readAnswers(await askRaw(front.port, [plainText('a') + plainText('b')]));
    expect(answers.map(({ body, headers }) => [body, headers])).toEqual([['ok', ['content-length: 2', 'connection: close']]]);
  });
});

describe('what an answer tells of itself', () => {
  it('is what node:http’s tells, from its beginning to its end', async () => {
    const histories: Promise<unknown[]>[] = [];
    handler = (_request, answer) => {
      const told: unknown[] = [];
      const note = (when: string) => {
        const { statusCode, headersSent, writableEnded, writableFinished, destroyed } = answer;
        told.push([when, statusCode, headersSent, writableEnded, writableFinished, destroyed, answer.writableNeedDrain]);
      };
      histories.push(
        new Promise((resolve) => {
          answer.on('close', () => {
            note('closed');
            setImmediate(() => {
              told.push(answer.socket, answer.write(Buffer.from('late')), answer.end() === answer);
              note('later');
              resolve(told);
            });
          });
        }),
      );
      note('new');
      answer.writeHead(201, ['content-type', 'text/plain']);
      note('head');
      told.push(answer.write(Buffer.from('some')));
      answer.end(Buffer.from('more'));
      told.push([answer.writableEnded, answer.headersSent, answer.destroyed]);
    };
    for (const { port } of [plain, front]) await askRaw(port, [plainText('x')], { answers: 1 });
    const [expected, got] = await Promise.all(histories);
    // node:http refuses what is written after the end; the front, as after a client has left, takes it and throws it away.
    expect(got).toEqual(expected?.map((value, at) => (at === 6 ? true : value)));
  });

  it('is that it is finished once all of it was taken from it, and not before', async () => {
    const answers: ClientAnswer[] = [];
    let closes = 0;
    handler = (_request, answer) => {
      answers.push(answer);
      answer.on('close', () => {
        closes += 1;
      });
    };
    const talk = await talkTo(front.port, false);
    talk.socket.write(plainText('x'));
    await until(() => answers.length === 1);
    const [answer] = answers as [ClientAnswer];
    const body = Buffer.alloc(20_000_000, 'x');
    answer.writeHead(200, ['connection', 'close']);
    answer.end(body);
    await turns(10);
    expect([answer.writableEnded, answer.writableFinished, closes]).toEqual([true, false, 0]);
    talk.socket.resume();
    expect((await talk.closed).length).toBeGreaterThan(body.length);
    await until(() => closes > 0);
    await turns();
    expect([answer.writableFinished, closes]).toEqual([true, 1]);
    talk.socket.destroy();
  });

  it('is when a slow client has caught up, and until then little is kept for it', async () => {
    const answers: ClientAnswer[] = [];
    handler = (_request, answer) => answers.push(answer);
    const talk = await talkTo(front.port, false);
    talk.socket.write(plainText('x'));
    await until(() => answers.length === 1);
    const [answer] = answers as [ClientAnswer];
    answer.writeHead(200, ['connection', 'close']);
    let written = 0;
    let drains = 0;
    const total = 12_000_000;
    const piece = Buffer.alloc(50_000, 'y');
    const more = (): void => {
      while (written < total) {
        written += piece.length;
        if (!answer.write(piece)) {
          expect(answer.writableNeedDrain).toBe(true);
          answer.once('drain', () => {
            drains += 1;
            more();
          });
          return;
        }
      }
      answer.end();
    };
    more();
    await turns(20);
    const before = written;
    await turns(20);
    expect(written).toBe(before);
    expect(before).toBeLessThan(total);
    talk.socket.resume();
    await once(answer as unknown as NodeJS.EventEmitter, 'close');
    expect(drains).toBeGreaterThan(0);
    expect(readAnswers(await talk.closed)[0]?.body.length).toBe(written);
  });

  it('is nothing more when it is destroyed, which its client sees', async () => {
    let closes = 0;
    handler = (_request, answer) => {
      answer.on('close', () => {
        closes += 1;
      });
      answer.writeHead(200, []);
      answer.write(Buffer.from('some'));
      answer.destroy();
      expect([answer.destroyed, answer.write(Buffer.from('more'))]).toEqual([true, true]);
      answer.end();
    };
    const heard = await askRaw(front.port, [plainText('x')]);
    expect(() => readAnswers(heard)).toThrow();
    await until(() => closes > 0);
    await turns();
    expect(closes).toBe(1);
  });
});
