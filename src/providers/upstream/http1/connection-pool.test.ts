import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { buildConnector } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_TIMEOUT_MS } from '../target.ts';
import { SentRequest } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import { sharedRead } from './shared-read.ts';
import type { HttpExchange, HttpRequest } from './types.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(
  listener: (...parameters: Parameters<RequestListener>) => unknown,
): Promise<{ readonly server: Server; readonly pool: ConnectionPool }> {
  const server = createServer((request, response) => void listener(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return { server, pool: poolOf((server.address() as AddressInfo).port) };
}

/** A server that says what it is told on each connection, once something has come. */
async function say(answer: (socket: Socket, request: number) => void): Promise<ConnectionPool> {
  let requests = 0;
  const server = createSocketServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => answer(socket, ++requests));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return poolOf((server.address() as AddressInfo).port);
}

function poolOf(port: number): ConnectionPool {
  const pool = new ConnectionPool(`http://127.0.0.1:${port}`, {
    connect: buildConnector({ timeout: 2_000, onread: sharedRead }),
    now: () => performance.now(),
  });
  closing.push(() => pool.destroy());
  return pool;
}

interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

const POST: HttpRequest = { method: 'POST', path: '/v1/x?y=1', headers: ['x-a', 'b'], body: Buffer.from('{"a":1}'), timeoutMs: 10_000 };

/** The answer, or a rejection with what went wrong. */
function ask(
  pool: ConnectionPool,
  request: Partial<HttpRequest> = {},
  begun: (exchange: HttpExchange) => void = () => undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let status = 0;
    let headers: readonly string[] = [];
    const body: Buffer[] = [];
    begun(
      pool.send(
        { ...POST, ...request },
        {
          onHead: (told, lines) => {
            status = told;
            headers = lines;
          },
          onData: (bytes) => {
            body.push(bytes);
            return true;
          },
          onComplete: () => resolve({ status, headers, body: Buffer.concat(body).toString() }),
          onError: reject,
        },
      ),
    );
  });
}

function portOf({ socket }: IncomingMessage): string {
  return String(socket.remotePort);
}

describe('a pool of connections', () => {
  it('sends what it is given, and brings the answer back', async () => {
    const { pool } = await serve(async (request, response) => {
      const body = await text(request);
      response.writeHead(201, { 'X-B': 'c' }).end(JSON.stringify([request.method, request.url, request.headers, body]));
    });
    const { status, headers, body } = await ask(pool);
    const [method, url, sent, said] = JSON.parse(body) as [string, string, Record<string, string>, string];
    expect([status, headers.slice(0, 2), method, url, said]).toEqual([201, ['x-b', 'c'], 'POST', '/v1/x?y=1', '{"a":1}']);
    expect(sent).toMatchObject({ 'x-a': 'b', 'content-length': '7', connection: 'keep-alive' });
  });

  it('uses a connection again, and as many at once as there are requests', async () => {
    const ports: string[] = [];
    const { pool } = await serve((request, response) => {
      ports.push(portOf(request));
      response.end('ok');
    });
    await ask(pool);
    await ask(pool, { method: 'GET', body: null });
    expect(new Set(ports).size).toBe(1);
    await Promise.all([ask(pool), ask(pool), ask(pool)]);
    expect(new Set(ports).size).toBe(3);
  });

  it('carries a body of megabytes both ways', async () => {
    const { pool } = await serve(async (request, response) => response.end(await text(request)));
    const big = 'äx'.repeat(1_000_000);
    expect((await ask(pool, { body: Buffer.from(big) })).body).toBe(big);
  });

  it('gives up a connection that its server will close soon', async () => {
    const ports: string[] = [];
    const { pool } = await serve((request, response) => {
      ports.push(portOf(request));
      response.setHeader('keep-alive', 'timeout=1').end('ok');
    });
    await ask(pool);
    await ask(pool);
    expect(new Set(ports).size).toBe(2);
  });

  it('does not use a connection on which more came than was asked for', async () => {
    const pool = await say((socket, n) =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n${n}HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n9`),
    );
    expect((await ask(pool)).body).toBe('1');
    expect((await ask(pool)).body).toBe('2');
  });

  it.each([
    ['closes before it answers', (socket: Socket) => socket.destroy(), 'ECONNRESET'],
    ['breaks off in the middle', (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab'), 'ECONNRESET'],
    [
      'breaks off within a chunk',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nab'),
      'ECONNRESET',
    ],
    ['speaks another language', (socket: Socket) => socket.write('220 mail.example ESMTP\r\n\r\n'), 'SMALLFIRST_NOT_HTTP'],
  ])('tells of a server that %s', async (_name, answer, code) => {
    await expect(ask(await say(answer))).rejects.toMatchObject({ code });
  });

  it('tells of a server that is silent, before its answer and in the middle of it', async () => {
    await expect(ask(await say(() => undefined), { timeoutMs: 60 })).rejects.toMatchObject({ code: 'SMALLFIRST_HEAD_TIMEOUT' });
    const pool = await say((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab'));
    await expect(ask(pool, { timeoutMs: 60 })).rejects.toMatchObject({ code: 'SMALLFIRST_BODY_TIMEOUT' });
  });

  it('waits for a silent server longer than the ten minutes of the SDKs, where nobody says how long', () => {
    const handler = { onHead: () => undefined, onData: () => true, onComplete: () => undefined, onError: () => undefined };
    const sent = new SentRequest({ ...POST, timeoutMs: DEFAULT_TIMEOUT_MS }, handler);
    const looks = [0, 601_000, DEFAULT_TIMEOUT_MS - 1, DEFAULT_TIMEOUT_MS].map((now) => sent.sweep(now, false));
    expect(looks).toEqual([null, null, null, 'SMALLFIRST_HEAD_TIMEOUT']);
    sent.headed(200, []);
    expect([2e6, 2_601_000, 2e6 + DEFAULT_TIMEOUT_MS].map((now) => sent.sweep(now, false))).toEqual([
      null,
      null,
      'SMALLFIRST_BODY_TIMEOUT',
    ]);
  });

  it('takes a body that ends with its connection', async () => {
    const pool = await say((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nabc'));
    expect((await ask(pool)).body).toBe('abc');
  });

  it.each([
    ['a path with a line end', { path: '/a\r\nhost: evil' }],
    ['a path with a space', { path: '/a b' }],
    ['a header with a line end', { headers: ['x', 'a\r\nb: c'] }],
    ['a name that is none', { headers: ['x y', 'a'] }],
    ['a method that is none', { method: 'GET /' }],
  ])('refuses %s, and the connection serves the next request', async (_name, wrong) => {
    const { pool } = await serve((_request, response) => response.end('ok'));
    await expect(ask(pool, wrong)).rejects.toMatchObject({ code: 'SMALLFIRST_NO_REQUEST' });
    expect((await ask(pool)).body).toBe('ok');
  });

  it('lets the server see that a request was called off, and tells nothing more', async () => {
    let gone: (() => void) | null = null;
    const closed = new Promise<void>((resolve) => {
      gone = resolve;
    });
    let arrived: (() => void) | null = null;
    const here = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { pool } = await serve((request, response) => {
      request.resume();
      response.on('close', () => gone?.());
      response.write('a');
      arrived?.();
    });
    let exchange: HttpExchange | null = null;
    let told = 0;
    ask(pool, {}, (made) => {
      exchange = made;
    }).then(
      () => {
        told += 1;
      },
      () => {
        told += 1;
      },
    );
    await here;
    (exchange as HttpExchange | null)?.abort();
    await closed;
    expect(told).toBe(0);
  });

  it('holds a server back until its reader goes on', async () => {
    const { pool } = await serve((_request, response) => response.end('x'.repeat(4_000_000)));
    let length = 0;
    let waits = 0;
    await new Promise<void>((resolve, reject) => {
      const exchange = pool.send(
        { ...POST, body: null, method: 'GET' },
        {
          onHead: () => undefined,
          onData: (bytes) => {
            length += bytes.length;
            waits += 1;
            setImmediate(() => exchange.resume());
            return false;
          },
          onComplete: resolve,
          onError: reject,
        },
      );
    });
    expect(length).toBe(4_000_000);
    expect(waits).toBeGreaterThan(10);
  });

  it('waits for what is under way when it closes, and takes nothing more', async () => {
    let answer: (() => void) | null = null;
    const asked = new Promise<void>((resolve) => {
      void serve((_request, response) => {
        answer = () => response.end('late');
        resolve();
      }).then(({ pool }) => {
        pools.push(pool);
        answers.push(ask(pool));
      });
    });
    const pools: ConnectionPool[] = [];
    const answers: Promise<Answer>[] = [];
    await asked;
    const [pool] = pools as [ConnectionPool];
    const closed = pool.close();
    await expect(ask(pool)).rejects.toMatchObject({ code: 'SMALLFIRST_DESTROYED' });
    (answer as (() => void) | null)?.();
    expect((await answers[0])?.body).toBe('late');
    await closed;
  });
});
