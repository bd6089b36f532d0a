import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectTo, sendRaw } from '../support/raw-http.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const ANSWER =
  '{"id":"c1","model":"wire","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}';
const FRAMES = ['data: {"id":"c1","choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n', 'data: [DONE]\n\n'];

let upstream: Server;
let gateway: ServedGateway;
let config: string;
let host: string;
let got: Got[] = [];
/** Requests whose answers a test withholds: by the text in the request. */
let held: { readonly text: string; readonly answer: () => void; readonly left: Promise<unknown> }[] = [];

beforeAll(async () => {
  upstream = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      got.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      const text = /"user":"(\w+)"/.exec(body.toString())?.[1];
      if (text !== undefined) {
        const answer = () => response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER.replace('c1', text));
        if (text.startsWith('held')) held.push({ text, answer, left: once(response, 'close') });
        else answer();
      } else if (body.includes('"stream":true')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const frame of FRAMES) response.write(frame);
        response.end();
      } else response.writeHead(200, { 'content-type': 'application/json', 'access-control-allow-origin': '*' }).end(ANSWER);
    });
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  config = `models: { wire: { provider: openai, model: wire, url: "${origin}/v1", apiKey: k, retries: 0, tier: small } }`;
  gateway = await serveHere({ config });
  host = gateway.url.slice('http://'.length);
});
beforeEach(() => {
  got = [];
  held = [];
});
afterAll(async () => {
  await gateway?.remove();
  upstream.closeAllConnections();
  upstream.close();
});

const BODY = '{ "model":"wire", "messages":[{"role":"user","content":"hi"}], "big": 123456789012345678901234567890 }';
const post = (path: string, body: Buffer | string, headers: Record<string, string> = {}) =>
  fetch(gateway.url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

describe('a compressed request body', () => {
  it('goes on decompressed, byte for byte, to models and to every other endpoint', async () => {
    const codings = {
      gzip: gzipSync(BODY),
      'x-gzip': gzipSync(BODY),
      deflate: deflateSync(BODY),
      br: brotliCompressSync(BODY),
      Identity: BODY,
    };
    for (const [coding, body] of Object.entries(codings)) {
      for (const path of ['/v1/chat/completions', '/v1/images/generations']) {
        expect((await post(path, body, { 'content-encoding': coding })).status).toBe(200);
      }
    }
    expect(got.map(({ body }) => body.toString())).toEqual(Array(10).fill(BODY));
    expect(got.filter(({ headers }) => 'content-encoding' in headers)).toEqual([]);
  });

  it('counts with its whole length: what is packed small is not let in for that', async () => {
    const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024));
    for (const path of ['/v1/chat/completions', '/v1/images/generations']) {
      expect((await post(path, bomb, { 'content-encoding': 'gzip' })).status).toBe(413);
    }
    expect(got).toEqual([]);
  });

  it('is refused where it is not what it says, or in no known coding', async () => {
    const cases = [
      ['gzip', BODY],
      ['gzip', gzipSync(BODY).subarray(0, 30)],
      ['br', gzipSync(BODY)],
      ['compress', BODY],
      ['gzip, gzip', gzipSync(gzipSync(BODY))],
    ] as const;
    for (const [coding, body] of cases) {
      for (const path of ['/v1/chat/completions', '/v1/images/generations']) {
        const answer = await post(path, body, { 'content-encoding': coding });
        expect([coding, answer.status, await answer.json()]).toEqual([
          coding,
          400,
          { error: expect.objectContaining({ type: 'invalid_request_error', message: expect.stringContaining('compressed') }) },
        ]);
      }
    }
    expect(got).toEqual([]);
  });
});

describe('a method that is none of an API', () => {
  it('goes nowhere: a trace would tell the key, and no other origin is told that it may ask', async () => {
    for (const method of ['TRACE', 'OPTIONS', 'PROPFIND']) {
      const answer = await sendRaw(gateway.url, `${method} /v1/files HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect([method, answer.status]).toEqual([method, 404]);
    }
    const preflight = await sendRaw(
      gateway.url,
      `OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nOrigin: https://elsewhere.example\r\nAccess-Control-Request-Method: POST\r\n\r\n`,
    );
    expect(preflight.status).toBe(403);
    expect(got).toEqual([]);
    const asked = await post('/v1/chat/completions', BODY);
    for (const text of [preflight.text, [...asked.headers.keys()].join('\n')]) expect(text).not.toMatch(/access-control/i);
  });
});

describe('what belongs to HTTP', () => {
  const lines = (...list: readonly string[]) => `${list.join('\r\n')}\r\n\r\n`;
  const chat = (version: string, body: string, ...headers: readonly string[]) =>
    lines(`POST /v1/chat/completions HTTP/${version}`, `Host: ${host}`, `Content-Length: ${body.length}`, ...headers) + body;

  it('is kept: no word of a client about its expectations is a reason to refuse it', async () => {
    expect((await sendRaw(gateway.url, chat('1.1', BODY, 'Expect: something-else'))).status).toBe(200);
    const continued = await sendRaw(gateway.url, chat('1.1', BODY, 'Expect: 100-continue', 'Connection: close'));
    expect(continued.text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  });

  it('is kept towards clients of HTTP/1.0, whose streams end with their connection', async () => {
    const plain = await sendRaw(gateway.url, chat('1.0', BODY), 2);
    expect([plain.status, plain.text.endsWith(`\r\n\r\n${ANSWER}`)]).toEqual([200, true]);
    const stream = await sendRaw(gateway.url, chat('1.0', BODY.replace('{', '{"stream":true,')));
    expect([stream.status, stream.text.endsWith(`\r\n\r\n${FRAMES.join('')}`)]).toEqual([200, true]);
    expect(stream.text).not.toMatch(/transfer-encoding/i);
  });

  it('is refused in words where it is broken', async () => {
    const answer = await sendRaw(gateway.url, lines('GET /v1/models HTTP/1.1'));
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('"message":"The request has no Host header."')]);
  });

  it('is refused in the envelope of who asks where it names two hosts, whatever is asked for and in whatever case', async () => {
    const twice = ['Host: elsewhere.example', `hOST: ${host}`];
    const local = [`Host: ${host}`, `Host: ${host}`];
    const message = '"message":"The request has more than one Host header."';
    for (const [first, ...headers] of [
      ['GET /v1/models HTTP/1.1', ...twice],
      ['GET /v1/models HTTP/1.0', ...local],
      ['GET /v1/files HTTP/1.1', ...local],
      ['GET /healthz HTTP/1.1', ...local],
      ['GET /admin/keys HTTP/1.1', ...local],
      ['GET /metrics HTTP/1.1', ...local],
    ] as const) {
      const answer = await sendRaw(gateway.url, lines(first, ...headers, 'Connection: close'));
      expect([first, answer.status, answer.text]).toEqual([first, 400, expect.stringContaining(`{"error":{${message}`)]);
    }
    const asked = await sendRaw(gateway.url, chat('1.1', BODY, 'Host: elsewhere.example'));
    expect([asked.status, asked.text]).toEqual([400, expect.stringContaining(message)]);
    const anthropic = chat('1.1', BODY, `Host: ${host}`).replace('/v1/chat/completions', '/v1/messages');
    const refused = await sendRaw(gateway.url, anthropic);
    const envelope = expect.stringContaining(`{"type":"error","error":{"type":"invalid_request_error",${message}`);
    expect([refused.status, refused.text]).toEqual([400, envelope]);
    expect(got).toEqual([]);
  });

  it('but not WebSockets, which are refused by name', async () => {
    const answer = await sendRaw(
      gateway.url,
      lines('GET /v1/realtime?model=wire HTTP/1.1', `Host: ${host}`, 'Connection: Upgrade', 'Upgrade: websocket'),
    );
    expect([answer.status, answer.text]).toEqual([501, expect.stringContaining('"code":"not_supported"')]);
    expect(got).toEqual([]);
    const plain = await sendRaw(gateway.url, lines('GET /v1/files HTTP/1.1', `Host: ${host}`, 'Connection: Upgrade', 'Upgrade: h2c'));
    expect(plain.status).toBe(200);
  });
});

describe('a connection', () => {
  const chat = (user: string) => {
    const body = `{"model":"wire","user":"${user}"}`;
    return `POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  const users = () => got.map(({ body }) => JSON.parse(body.toString()).user);
  const ids = (text: string) => [...text.matchAll(/^\{"id":"(\w+)"/gm)].map(([, id]) => id);
  const heldBack = async (count: number) => {
    while (held.length < count) await turn();
    return held[count - 1] as (typeof held)[number];
  };

  it('carries requests in a row, which are answered in order, whoever reads them', async () => {
    const models = `GET /v1/models HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const answered = sendRaw(gateway.url, chat('heldA') + chat('b') + models + chat('heldC') + chat('d'), 5);
    (await heldBack(1)).answer();
    (await heldBack(2)).answer();
    const { text } = await answered;
    expect(ids(text)).toEqual(['heldA', 'b', 'heldC', 'd']);
    expect(text.match(/HTTP\/1\.1 200 OK\r$/gm)).toHaveLength(5);
  });

  it('that its client leaves while a model deliberates takes the request at the model with it, and what was sent behind it', async () => {
    const socket = await connectTo(gateway.url);
    socket.write(chat('heldA') + chat('never'));
    const { left } = await heldBack(1);
    socket.destroy();
    await left;
    expect(ids((await sendRaw(gateway.url, chat('after'))).text)).toEqual(['after']);
    expect(users()).toEqual(['heldA', 'after']);
  });

  it('on which a request comes byte by byte is node:http’s after a second, with its limits, and is answered', async () => {
    const patient = await serveHere({ config: `${config}\nserver: { pingSeconds: 0.05 }` });
    const socket = await connectTo(patient.url);
    try {
      let heard = '';
      socket.on('data', (bytes) => {
        heard += bytes;
      });
      const text = chat('slow').replace('\r\n', `\r\nX-Slow: ${'a'.repeat(100)}\r\n`);
      // By the end of this, more than the second is over.
      for (let at = 0; at < 100; at += 1) {
        socket.write(text[at] as string);
        await delay(12);
      }
      socket.write(text.slice(100));
      while (ids(heard).length === 0) await turn();
      expect(ids(heard)).toEqual(['slow']);
      // As only node:http writes it.
      expect(heard).toMatch(/^Connection: keep-alive\r$/m);
    } finally {
      socket.destroy();
      await patient.remove();
    }
  });

  it('on which a request is coming in as the gateway stops gets its answer, and no other', async () => {
    const stopping = await serveHere({ config });
    try {
      const [asked, asking] = [sendRaw(stopping.url, chat('heldA')), await connectTo(stopping.url)];
      const rest = chat('late');
      let heard = '';
      asking.on('data', (bytes) => {
        heard += bytes;
      });
      asking.write(chat('before') + rest.slice(0, -5));
      while (ids(heard).length === 0) await turn();
      const { answer } = await heldBack(1);
      const stopped = stopping.stop();
      // As soon as nobody can connect any more, it is stopping.
      for (;;) {
        try {
          (await connectTo(stopping.url)).destroy();
        } catch {
          break;
        }
      }
      asking.write(rest.slice(-5));
      await once(asking, 'close');
      expect(ids(heard)).toEqual(['before', 'late']);
      expect(heard.match(/^connection: (.*)\r$/gim)?.map((line) => line.trim().toLowerCase())).toEqual([
        'connection: keep-alive',
        'connection: close',
      ]);
      answer();
      expect([ids((await asked).text), await stopped]).toEqual([['heldA'], 0]);
    } finally {
      await stopping.remove();
    }
  });
});

describe('what nobody serves', () => {
  it('is 404 in the envelope of who asks, by every method', async () => {
    for (const [path, method] of [
      ['/', 'GET'],
      ['/foo', 'POST'],
      ['/v2/messages', 'PUT'],
    ] as const) {
      const openai = await fetch(gateway.url + path, { method });
      expect([openai.status, await openai.json()]).toEqual([404, { error: expect.objectContaining({ code: 'not_found' }) }]);
      const anthropic = await fetch(gateway.url + path, { method, headers: { 'anthropic-version': '2023-06-01' } });
      expect([anthropic.status, await anthropic.json()]).toEqual([
        404,
        expect.objectContaining({ type: 'error', error: expect.objectContaining({ type: 'not_found_error' }) }),
      ]);
    }
    expect((await fetch(`${gateway.url}/`, { method: 'HEAD' })).status).toBe(404);
  });
});

describe('an answer of our own', () => {
  it('has an id where the SDK of its family looks for one', async () => {
    const ids = async (path: string, body: object) => {
      const { headers } = await post(path, JSON.stringify(body));
      const id = headers.get('x-smallfirst-request-id');
      return [headers.get('request-id') === id, headers.get('x-request-id') === id];
    };
    expect(await ids('/v1/messages', { model: 'wire', max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] })).toEqual([true, false]);
    const streamed = { model: 'wire', stream: true, max_tokens: 5, messages: [{ role: 'user', content: 'hi' }] };
    expect(await ids('/v1/messages', streamed)).toEqual([true, false]);
    expect(await ids('/v1/messages', { model: 'nope' })).toEqual([true, false]);
    expect(await ids('/v1/chat/completions', { model: 'nope' })).toEqual([false, true]);
  });
});

describe('a relayed answer', () => {
  it('says which model answered, and of which tier', async () => {
    const { headers } = await post('/v1/chat/completions', BODY);
    expect([headers.get('x-smallfirst-model'), headers.get('x-smallfirst-tier')]).toEqual(['wire', 'small']);
  });
});
