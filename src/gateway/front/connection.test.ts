import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type FrontServer,
  type Handler,
  openFront,
  plainText,
  type ReadRequest,
  readAnswers,
  requestText,
  type Talk,
  talkTo,
  turns,
  until,
} from '../../../test/support/front-world.ts';
import type { ClientAnswer } from '../client.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(handler: Handler, options: Parameters<typeof openFront>[1] = {}): Promise<FrontServer> {
  const server = await openFront(handler, options);
  closing.push(() => server.close());
  return server;
}

async function talk(server: FrontServer, reads = true): Promise<Talk> {
  const talking = await talkTo(server.port, reads);
  closing.push(() => talking.socket.destroy());
  return talking;
}

/** A request that a test answers when it likes. */
interface Held {
  readonly request: ReadRequest;
  readonly answer: ClientAnswer;
  readonly isFront: boolean;
  /** How often its answer was told that it is over. */
  closes: number;
}

/** A server that answers nothing by itself. */
async function openHolding(): Promise<{ readonly server: FrontServer; readonly held: readonly Held[] }> {
  const held: Held[] = [];
  const server = await open((request, answer, isFront) => {
    const one: Held = { request, answer, isFront, closes: 0 };
    answer.on('close', () => {
      one.closes += 1;
    });
    held.push(one);
  });
  return { server, held };
}

function say(answer: ClientAnswer | undefined, text: string | Buffer, headers: readonly string[] = []): void {
  answer?.writeHead(200, ['content-length', String(text.length), ...headers]);
  answer?.end(Buffer.from(text));
}

const echo: Handler = ({ body }, answer, isFront) => say(answer, `${isFront ? 'front' : 'node'} ${body.toString()}`);
const bodies = (heard: string) => readAnswers(heard).map(({ body }) => body);

describe('a request that is slow to come', () => {
  it('is node:http’s after a second, though each byte of its head comes soon after the one before', async () => {
    const server = await open(echo);
    const client = await talk(server);
    const text = plainText('hello');
    let at = 0;
    for (; server.handedOver() === 0 && at < 50; at += 1) {
      client.socket.write(text[at] as string);
      await turns(3);
      server.pass(100);
    }
    expect(server.handedOver()).toBe(1);
    client.socket.write(text.slice(at) + plainText('again'));
    expect(bodies(await client.answers(2))).toEqual(['node hello', 'node again']);
  });

  it('is node:http’s after a second, though its head came at once', async () => {
    const server = await open(echo);
    const client = await talk(server);
    const text = plainText('hello');
    client.socket.write(text.slice(0, -2));
    await until(() => {
      server.pass(100);
      return server.handedOver() === 1;
    });
    client.socket.write(text.slice(-2));
    expect(bodies(await client.answers(1))).toEqual(['node hello']);
  });

  it('is ended by node:http’s limits where it never comes', async () => {
    const server = await open(echo, { settings: { headersTimeout: 20, connectionsCheckingInterval: 10 } });
    const client = await talk(server);
    client.socket.write(plainText('before') + plainText('after').slice(0, 30));
    await client.answers(1);
    server.pass(1_100);
    const answers = readAnswers(await client.closed);
    expect(answers.map(({ line, body }) => [line, body])).toEqual([
      ['HTTP/1.1 200 OK', 'front before'],
      ['HTTP/1.1 400 ERR_HTTP_REQUEST_TIMEOUT', ''],
    ]);
  });

  it('does not count as slow for the time that the answer before it took', async () => {
    const { server, held } = await openHolding();
    const client = await talk(server);
    const [first, second] = [plainText('first'), plainText('second')];
    client.socket.write(first + second.slice(0, 20));
    await until(() => held.length === 1);
    server.pass(60_000);
    say(held[0]?.answer, 'one');
    await client.answers(1);
    server.pass(900);
    client.socket.write(second.slice(20));
    await until(() => held.length === 2);
    expect([held[1]?.isFront, held[1]?.request.body.toString(), server.handedOver()]).toEqual([true, 'second', 0]);
  });
});

describe('a connection without a request', () => {
  it('stays open for as long as its answers say, and is closed then', async () => {
    const server = await open(echo);
    const client = await talk(server);
    client.socket.write(plainText('a'));
    expect(readAnswers(await client.answers(1))[0]?.headers).toContain('keep-alive: timeout=75');
    server.pass(74_900);
    client.socket.write(plainText('b'));
    expect(bodies(await client.answers(2))).toEqual(['front a', 'front b']);
    server.pass(74_900);
    server.pass(200);
    expect(bodies(await client.closed)).toEqual(['front a', 'front b']);
  });

  it('is closed after half a minute where there has never been one', async () => {
    const server = await open(echo);
    const client = await talk(server);
    let seconds = 0;
    await until(() => {
      server.pass(1_000);
      seconds += 1;
      return client.socket.destroyed;
    });
    expect(seconds).toBeGreaterThan(30);
    expect(await client.closed).toBe('');
  });

  it('is no more than there may be', async () => {
    const server = await open(echo, { maxConnections: 2 });
    const [first, second, third] = [await talk(server), await talk(server), await talk(server)];
    expect(await third.closed).toMatch(/^(\[reset\])?$/);
    // One of them is node:http's, and counts as well.
    first.socket.write(requestText(['Host: x'], '', 'GET /front HTTP/1.1'));
    second.socket.write(plainText('b'));
    expect([bodies(await first.answers(1)), bodies(await second.answers(1))]).toEqual([['node '], ['front b']]);
    expect(await (await talk(server)).closed).toMatch(/^(\[reset\])?$/);
  });

  it('leaves nothing behind, however it ends', async () => {
    const server = await open(
      (request, answer, isFront) => {
        if (request.body.toString() !== 'held') echo(request, answer, isFront);
      },
      { maxConnections: 1 },
    );
    const ends: readonly ((client: Talk) => unknown)[] = [
      ({ socket }) => socket.destroy(),
      ({ socket }) => socket.resetAndDestroy(),
      ({ socket }) => socket.end(),
      ({ socket }) => socket.end('POST /front'),
      ({ socket }) => socket.end(plainText('held')),
      ({ socket }) => socket.write('\r\nnonsense\r\n\r\n'),
      ({ socket }) => socket.write(requestText(['Host: x', 'Connection: close'], '', 'GET /front HTTP/1.1')),
      async ({ socket, answers }) => {
        socket.write(requestText(['Host: x'], '', 'GET /front HTTP/1.1'));
        await answers(1);
        socket.destroy();
      },
    ];
    for (const end of [...ends, ...ends]) {
      // The server hears a little later than the client that a connection is over.
      let heard = '';
      let client: Talk;
      do {
        client = await talk(server);
        client.socket.write(plainText('here'));
        heard = await client.answers(1);
      } while (heard.replace('[reset]', '') === '');
      expect(bodies(heard)).toEqual(['front here']);
      await end(client);
      await client.closed;
    }
  });
});

describe('a client that sends ahead', () => {
  it('is answered in order, one request at a time', async () => {
    const { server, held } = await openHolding();
    const client = await talk(server);
    client.socket.write(plainText('a') + plainText('b') + plainText('c'));
    for (const [at, name] of ['a', 'b', 'c'].entries()) {
      await until(() => held.length > at);
      await turns();
      expect(held.map(({ request }) => request.body.toString())).toEqual(['a', 'b', 'c'].slice(0, at + 1));
      say(held[at]?.answer, name);
    }
    expect(bodies(await client.answers(3))).toEqual(['a', 'b', 'c']);
    expect(held.map(({ closes }) => closes)).toEqual([1, 1, 1]);
  });

  it('is held back, and answered all the same, also by node:http', async () => {
    const { server, held } = await openHolding();
    const client = await talk(server);
    const long = 'x'.repeat(60_000);
    const count = 200;
    for (let i = 0; i < count; i += 1) client.socket.write(plainText(long));
    client.socket.write(requestText(['Host: x'], '', 'GET /front HTTP/1.1') + plainText('last'));
    await until(() => held.length === 1);
    const { socket } = (held[0] as Held).request;
    await until(() => socket.isPaused());
    await turns(20);
    // One request, what may come ahead, and what was read at once.
    expect(socket.bytesRead).toBeLessThan(60_000 + 3 * 64 * 1024);
    for (let i = 0; i < count + 2; i += 1) {
      await until(() => held.length > i);
      say(held[i]?.answer, String(i));
    }
    expect(bodies(await client.answers(count + 2))).toEqual(Array.from({ length: count + 2 }, (_, i) => String(i)));
    expect(held.map(({ isFront }) => isFront)).toEqual([...Array(count).fill(true), false, false]);
    expect(held.every(({ request }, i) => i >= count || request.body.toString() === long)).toBe(true);
  });
});

describe('a client that leaves', () => {
  it.each([
    ['closes', (client: Talk) => client.socket.destroy()],
    ['resets', (client: Talk) => client.socket.resetAndDestroy()],
    ['closes its half', (client: Talk) => client.socket.end()],
  ])('before its answer is begun, or while it comes, ends it once, and nothing follows: it %s', async (_how, leave) => {
    for (const isBegun of [false, true]) {
      const { server, held } = await openHolding();
      const client = await talk(server);
      client.socket.write(plainText('a') + plainText('b'));
      await until(() => held.length === 1);
      const { answer } = held[0] as Held;
      if (isBegun) {
        answer.writeHead(200, ['content-type', 'text/event-stream']);
        answer.write(Buffer.from('data'));
        await until(() => client.heard().includes('data'));
      }
      leave(client);
      await until(() => held[0]?.closes === 1);
      expect([answer.destroyed, answer.writableEnded, answer.writableFinished, answer.socket]).toEqual([true, false, false, null]);
      // What comes too late goes nowhere.
      if (!isBegun) answer.writeHead(200, []);
      expect(answer.write(Buffer.from('late'))).toBe(true);
      answer.end(Buffer.from('late'));
      await turns();
      expect([held.length, held[0]?.closes, answer.writableFinished]).toEqual([1, 1, false]);
    }
  });

  it('with its answer unread has not got it, and nothing follows', async () => {
    const { server, held } = await openHolding();
    const client = await talk(server, false);
    client.socket.write(plainText('a') + plainText('b'));
    await until(() => held.length === 1);
    const { answer } = held[0] as Held;
    say(answer, Buffer.alloc(30_000_000));
    await turns();
    expect([answer.writableEnded, answer.writableFinished, held[0]?.closes]).toEqual([true, false, 0]);
    client.socket.resetAndDestroy();
    await until(() => held[0]?.closes === 1);
    await turns();
    expect([answer.writableFinished, held.length]).toEqual([false, 1]);
  });

  it('only in so far as it will send nothing more still gets what was complete', async () => {
    const { server, held } = await openHolding();
    const client = await talk(server, false);
    client.socket.write(plainText('a'));
    await until(() => held.length === 1);
    const text = Buffer.alloc(10_000_000, 'abcdefghij');
    say(held[0]?.answer, text);
    client.socket.end();
    await turns(10);
    client.socket.resume();
    expect(bodies(await client.closed)[0]).toBe(text.toString());
    expect([held[0]?.closes, held[0]?.answer.writableFinished]).toEqual([1, true]);
  });
});

describe('a server that ends', () => {
  it('closes what is idle, answers what is under way, and lets what is coming in come', async () => {
    const { server, held } = await openHolding();
    const [idle, asked, asking] = [await talk(server), await talk(server), await talk(server)];
    idle.socket.write(plainText('idle'));
    await until(() => held.length === 1);
    say(held[0]?.answer, 'idle');
    await idle.answers(1);
    asked.socket.write(plainText('asked'));
    await until(() => held.length === 2);
    const text = plainText('asking');
    // A whole one before it, so that it is sure that the rest has come.
    asking.socket.write(plainText('first') + text.slice(0, -3));
    await until(() => held.length === 3);
    say(held[2]?.answer, 'first');
    await asking.answers(1);
    const closed = once(server.server, 'close');
    server.server.close();
    server.front.finish();
    expect(bodies(await idle.closed)).toEqual(['idle']);
    asking.socket.write(text.slice(-3));
    await until(() => held.length === 4);
    say(held[1]?.answer, 'asked', ['connection', 'close']);
    say(held[3]?.answer, 'asking', ['connection', 'close']);
    const answers = [readAnswers(await asked.closed)[0], readAnswers(await asking.closed)[1]];
    expect(answers.map((answer) => [answer?.body, answer?.headers.includes('connection: close')])).toEqual([
      ['asked', true],
      ['asking', true],
    ]);
    expect(held[3]?.isFront).toBe(false);
    await closed;
  });

  it('ends a connection after the answer that is under way, though its head went out before', async () => {
    const { server, held } = await openHolding();
    const client = await talk(server);
    client.socket.write(plainText('a') + plainText('b'));
    await until(() => held.length === 1);
    const answer = held[0]?.answer as ClientAnswer;
    answer.writeHead(200, []);
    answer.write(Buffer.from('one'));
    server.front.finish();
    answer.end(Buffer.from('two'));
    expect(bodies(await client.closed)).toEqual(['onetwo']);
    expect(held.length).toBe(1);
  });
});

it('a connection that no system’s handle is behind is node:http’s from the beginning, and counts', async () => {
  const server = await open(echo, { maxConnections: 1 });
  const [near, far] = duplexPair();
  server.server.emit('connection', far);
  expect(server.handedOver()).toBe(1);
  near.write(plainText('hello'));
  let heard = '';
  near.on('data', (bytes) => {
    heard += bytes;
  });
  await until(() => heard.endsWith('hello'));
  expect(bodies(heard)).toEqual(['node hello']);
  expect(await (await talk(server)).closed).toMatch(/^(\[reset\])?$/);
});
