import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CLIENT_KEY, relayConfig, UPSTREAM_KEY } from '../support/both-ways.ts';
import { errorBody, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { connectTo, sendRaw } from '../support/raw-http.ts';
import { type ServeProcess, serveHere, serveProcess } from '../support/serve.ts';

let upstream: FakeUpstream;
/** Somebody else's server: nothing may ever reach it. */
let decoy: FakeUpstream;
let gateway: ServeProcess;
let host: string;

beforeAll(async () => {
  upstream = await startFakeUpstream({ key: UPSTREAM_KEY });
  decoy = await startFakeUpstream();
  gateway = await serveProcess({ config: relayConfig(upstream), env: { UPSTREAM_KEY } });
  host = new URL(gateway.url).host;
});
afterAll(async () => {
  await gateway?.remove();
  await upstream?.close();
  await decoy?.close();
});
beforeEach(() => upstream.reset());

const HELLO = JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: 'hi' }] });

function post(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const usual = { 'content-type': 'application/json', authorization: `Bearer ${CLIENT_KEY}` };
  return fetch(gateway.url + path, { method: 'POST', body, headers: { ...usual, ...headers }, redirect: 'manual' });
}

/** A request as text, with whatever headers. */
function request(headers: readonly string[], body = HELLO, line = 'POST /v1/chat/completions HTTP/1.1'): string {
  return [line, `Host: ${host}`, 'Content-Type: application/json', ...headers, '', body].join('\r\n');
}

describe('where requests go', () => {
  it('is decided by the config alone: no body and no header leads elsewhere', async () => {
    const elsewhere = `${decoy.origin}/v1`;
    const body = JSON.stringify({
      ...JSON.parse(HELLO),
      base_url: elsewhere,
      api_base: elsewhere,
      url: elsewhere,
      provider: { url: elsewhere },
    });
    const headers = {
      'x-portkey-custom-host': elsewhere,
      'x-base-url': elsewhere,
      'openai-base-url': elsewhere,
      'x-smallfirst-url': elsewhere,
      'x-upstream-url': elsewhere,
      'x-original-url': elsewhere,
      'x-rewrite-url': elsewhere,
    };
    const answers = [
      await post('/v1/chat/completions', body),
      await post('/v1/chat/completions', HELLO, headers),
      await post(`/v1/chat/completions?base_url=${encodeURIComponent(elsewhere)}`, HELLO),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(upstream.seen.length).toBe(3);
    expect(decoy.seen).toEqual([]);
  });

  it('is not decided by a model name that looks like an address', async () => {
    for (const model of [
      `${decoy.origin}/v1`,
      '../gpt',
      '//127.0.0.1',
      'gpt@127.0.0.1',
      'openai passthrough',
      '__proto__',
      'constructor',
      'toString',
    ]) {
      const answer = await post('/v1/chat/completions', JSON.stringify({ model, messages: [] }));
      expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code], model).toEqual([404, 'model_not_found']);
    }
    expect([...upstream.seen, ...decoy.seen]).toEqual([]);
  });

  it('is not decided by an absolute request target, nor by where an upstream redirects to', async () => {
    const absolute = await sendRaw(
      gateway.url,
      request([`Content-Length: ${HELLO.length}`], HELLO, `POST ${decoy.origin}/v1/chat/completions HTTP/1.1`),
    );
    expect(absolute.status).not.toBe(200);
    upstream.next({ kind: 'status', status: 302, headers: { location: `${decoy.origin}/v1/chat/completions` }, body: '{}' });
    const redirected = await post('/v1/chat/completions', HELLO);
    expect(redirected.status).not.toBe(200);
    expect(decoy.seen).toEqual([]);
  });

  it('is never a metadata service or a link-local address, whatever the config says', async () => {
    for (const url of ['http://169.254.169.254/v1', 'http://[fe80::1]/v1', 'http://[::ffff:169.254.169.254]/v1']) {
      const config = `models:\n  m: { provider: openai, url: "${url}", apiKey: "sk-00000000" }\n`;
      const started = await serveHere({ config }).catch((error: Error) => error);
      if (!(started instanceof Error)) await started.remove();
      expect(started, url).toBeInstanceOf(Error);
    }
  });

  it('is no address of this machine or network where the config forbids it', async () => {
    for (const address of ['127.0.0.1', '0.0.0.0', '10.1.2.3', '192.168.1.1', '[::1]', '[::]', '[fd00::1]', 'localhost']) {
      const config = `upstreams: { allowPrivate: false }\nmodels:\n  m: { provider: openai, url: "http://${address}:9/v1", apiKey: "sk-00000000" }\n`;
      const started = await serveHere({ config }).catch((error: Error) => error);
      if (started instanceof Error) continue;
      // A name is looked up when it is called, and refused then.
      const answer = await fetch(`${started.url}/v1/chat/completions`, { method: 'POST', body: HELLO.replace('gpt', 'm') });
      await started.remove();
      expect([address, answer.status, await answer.text()]).toEqual(['localhost', 502, expect.not.stringContaining('localhost')]);
    }
  });

  it('stays below the endpoints: no path climbs out', async () => {
    const paths = [
      '/v1/../admin',
      '/v1/%2e%2e/admin',
      '/v1/files/..%2f..%2fadmin',
      '/v1/files/%2e%2e%2f%2e%2e',
      '/v1//../x',
      '/v1/files/..;/x',
      '/v1/files/..\\..\\x',
      '/v1/%252e%252e/x',
    ];
    for (const path of paths) {
      const answer = await sendRaw(gateway.url, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect([path, answer.status]).toEqual([path, 404]);
    }
    expect(upstream.seen.map((seen) => seen.target)).toEqual([]);
  });
});

describe('what is not HTTP as it should be', () => {
  const smuggled = `GET /v1/files/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`;
  const chunked = `${HELLO.length.toString(16)}\r\n${HELLO}\r\n0\r\n\r\n`;

  it.each([
    ['both a length and chunks', ['Content-Length: 6', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`],
    ['two lengths', ['Content-Length: 0', `Content-Length: ${smuggled.length}`], smuggled],
    ['a list of lengths', ['Content-Length: 0, 5'], smuggled],
    ['a length with a sign', ['Content-Length: +0'], smuggled],
    ['an encoding that hides chunks', ['Transfer-Encoding: xchunked', 'Content-Length: 0'], smuggled],
    ['chunks under two encodings', ['Transfer-Encoding: chunked, identity'], chunked + smuggled],
    ['a line feed before a value', ['X-A: \nTransfer-Encoding: chunked', 'Content-Length: 0'], smuggled],
    ['a carriage return after a value', ['X-A: a\r', `Content-Length: ${HELLO.length}`], HELLO],
    ['a vertical tab before a length', [`Content-Length: \u000b${HELLO.length}`], HELLO],
    ['a space before the colon', ['Transfer-Encoding : chunked', 'Content-Length: 0'], smuggled],
    ['a NUL in a header', ['X-Null: a\u0000b', `Content-Length: ${HELLO.length}`], HELLO],
    ['a chunk that is longer than it says', ['Transfer-Encoding: chunked'], `1\r\nabc\r\n0\r\n\r\n${smuggled}`],
  ])('is refused: %s', async (_name, headers, body) => {
    const answer = await sendRaw(gateway.url, request(headers, body), 2);
    expect(answer.status).toBe(400);
    expect(answer.text.match(/HTTP\/1\.1 /g)?.length).toBe(1);
    expect(upstream.seen).toEqual([]);
  });

  it('answers requests in a row on one connection in order', async () => {
    const one = request([`Content-Length: ${HELLO.length}`]);
    const answer = await sendRaw(gateway.url, one + one, 2);
    expect(answer.text.match(/HTTP\/1\.1 200/g)?.length).toBe(2);
    expect(upstream.seen.map((seen) => seen.bytes.toString())).toEqual([
      HELLO.replace('gpt', 'gpt-fake'),
      HELLO.replace('gpt', 'gpt-fake'),
    ]);
  });

  it('refuses headers that are too long, without waiting for their end', async () => {
    const answer = await sendRaw(gateway.url, `POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nX-Long: ${'a'.repeat(200_000)}`);
    expect(answer.status).toBe(431);
  });
});

describe('hostile bodies', () => {
  it.each([
    ['100,000 arrays deep', `{"model":"gpt","messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['100,000 objects deep', `{"model":"gpt","messages":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`],
    ['100,000 arrays that never close', `{"model":"gpt","messages":${'['.repeat(100_000)}`],
    ['nothing', ''],
    ['no object', '[1,2,3]'],
    ['half an object', '{"model":"gpt","messages":['],
    ['a model that is no text', '{"model":{"a":1},"messages":[]}'],
    ['no model', '{"messages":[]}'],
  ])('%s: refused in the envelope of the caller', async (_name, body) => {
    const openai = await post('/v1/chat/completions', body);
    expect([openai.status, await openai.json()]).toEqual([
      400,
      { error: expect.objectContaining({ type: 'invalid_request_error', message: expect.any(String) }) },
    ]);
    const anthropic = await post('/v1/messages', body, { 'anthropic-version': '2023-06-01' });
    expect([anthropic.status, await anthropic.json()]).toEqual([
      400,
      expect.objectContaining({ type: 'error', error: expect.objectContaining({ type: 'invalid_request_error' }) }),
    ]);
    expect(upstream.seen).toEqual([]);
  });

  it('passes members called __proto__ and constructor as the data that they are', async () => {
    const body =
      '{"model":"gpt","__proto__":{"stream":true,"isAdmin":true},"constructor":{"prototype":{"stream":true}},"messages":[{"__proto__":{"role":"system"},"role":"user","content":"hi"}]}';
    const answer = await post('/v1/chat/completions', body);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(upstream.seen.map((seen) => seen.bytes.toString())).toEqual([body.replace('"gpt"', '"gpt-fake"')]);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it('lets no line break of a model name or a task into a header', async () => {
    const body = JSON.stringify({ model: 'gpt\r\nX-Injected: 1', messages: [], metadata: { task: 'a\r\nX-Injected: 2' } });
    const answer = await sendRaw(gateway.url, request([`Content-Length: ${body.length}`], body));
    expect(answer.status).toBe(404);
    expect(answer.text.split('\r\n\r\n')[0]).not.toMatch(/^x-injected/im);
    const task = JSON.stringify({ ...JSON.parse(HELLO), metadata: { task: 'a\r\nX-Injected: 2' } });
    const second = await sendRaw(gateway.url, request([`Content-Length: ${task.length}`], task));
    expect(second.text.split('\r\n\r\n')[0]).not.toMatch(/^x-injected/im);
  });

  it('refuses a body that is announced too long before any of it is sent', async () => {
    const answer = await sendRaw(gateway.url, request(['Content-Length: 999999999'], ''));
    expect([answer.status, answer.text]).toEqual([413, expect.stringContaining('"error"')]);
    const anthropic = await sendRaw(
      gateway.url,
      request(['Content-Length: 999999999', 'anthropic-version: 2023-06-01'], '', 'POST /v1/messages HTTP/1.1'),
    );
    expect([anthropic.status, anthropic.text]).toEqual([413, expect.stringContaining('"request_too_large"')]);
    const expecting = await sendRaw(gateway.url, request(['Content-Length: 999999999', 'Expect: 100-continue'], ''));
    expect(expecting.status).toBe(413);
    expect(upstream.seen).toEqual([]);
  });

  it('stops reading a body in chunks where it becomes too long', async () => {
    const socket = await connectTo(gateway.url);
    let heard = '';
    socket.on('data', (chunk) => {
      heard += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.write(request(['Transfer-Encoding: chunked'], ''));
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000, 97), Buffer.from('\r\n')]);
    let sent = 0;
    // Far more than the limit is offered: it must not be taken.
    while (heard === '' && !socket.destroyed && sent < 400) {
      sent += 1;
      if (socket.write(chunk)) continue;
      const moved = new AbortController();
      const happens = (event: string) => once(socket, event, { signal: moved.signal }).catch(() => undefined);
      await Promise.race(['drain', 'close', 'data'].map(happens));
      moved.abort();
    }
    socket.destroy();
    expect(heard).toMatch(/^HTTP\/1\.1 413/);
    expect(sent).toBeLessThan(60);
    expect(upstream.seen).toEqual([]);
  });
});

describe('clients that dawdle', () => {
  it('do not keep others from being answered', async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 100; i += 1) {
      const socket = await connectTo(gateway.url);
      socket.on('error', () => undefined);
      // A third sends nothing, a third half a head, a third half a body.
      if (i % 3 === 1) socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `);
      if (i % 3 === 2) socket.write(request(['Content-Length: 1000'], '{"model":'));
      sockets.push(socket);
    }
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('/v1/chat/completions', HELLO)));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    for (const socket of sockets) socket.destroy();
  });
});

describe('who is answered where no key guards', () => {
  it.each([
    ['a Host of elsewhere', ['Host: gateway.example.com']],
    ['a Host that only looks like this machine', ['Host: 127.0.0.1.example.com']],
    ['a Host that only begins with localhost', ['Host: localhost.example.com']],
    ['a page of another origin', ['Origin: https://example.com']],
    ['a page without origin', ['Origin: null']],
    ['a proxy that forwards', ['Forwarded: for=203.0.113.9']],
    ['a proxy that forwards in the old way', ['X-Forwarded-For: 203.0.113.9']],
    ['a proxy that names the host', ['X-Forwarded-Host: example.com']],
  ])('not %s', async (_name, headers) => {
    const hosts = headers.some((header) => header.startsWith('Host:')) ? headers : [`Host: ${host}`, ...headers];
    for (const line of [
      'POST /v1/chat/completions HTTP/1.1',
      'GET /v1/models HTTP/1.1',
      'GET /metrics HTTP/1.1',
      'GET /admin/keys HTTP/1.1',
      'GET /openapi.json HTTP/1.1',
    ]) {
      const body = line.startsWith('POST') ? HELLO : '';
      const answer = await sendRaw(gateway.url, [line, ...hosts, `Content-Length: ${body.length}`, '', body].join('\r\n'));
      expect([line, answer.status]).toEqual([
        line,
        line.includes('/openapi.json') || line.includes('/metrics') || line.includes('/admin')
          ? expect.toSatisfy((status) => status === 403 || status === 404)
          : 403,
      ]);
    }
    expect(upstream.seen).toEqual([]);
  });

  it('a page of this machine, but with no permission for others to read the answer', async () => {
    const answer = await post('/v1/chat/completions', HELLO, { origin: 'http://localhost:3000' });
    expect([
      answer.status,
      answer.headers.get('access-control-allow-origin'),
      answer.headers.get('access-control-allow-credentials'),
    ]).toEqual([200, null, null]);
  });

  it('nobody of other machines: it does not even start on an address of theirs', async () => {
    await expect(serveProcess({ config: relayConfig(upstream), env: { UPSTREAM_KEY }, flags: ['--host', '0.0.0.0'] })).rejects.toThrow(
      /ended with 2/,
    );
  });
});

describe('keys', () => {
  it('are told to nobody, even when an upstream puts one into an error', async () => {
    upstream.next({
      kind: 'status',
      status: 401,
      body: errorBody('openai', {
        type: 'invalid_request_error',
        code: 'invalid_api_key',
        message: `Incorrect API key provided: ${UPSTREAM_KEY}.`,
      }),
    });
    const answer = await post('/v1/chat/completions', HELLO);
    expect([answer.status, await answer.text()]).toEqual([expect.any(Number), expect.not.stringContaining(UPSTREAM_KEY)]);
  });

  it('stand in no log, no file and no database after all of this', async () => {
    // Also where a client puts its key in places where keys do not belong.
    await fetch(`${gateway.url}/v1/nothing?api_key=${CLIENT_KEY}`, { headers: { 'x-api-key': CLIENT_KEY } });
    await post('/v1/chat/completions', HELLO, { 'x-api-key': CLIENT_KEY });
    await post('/v1/chat/completions', '{"broken', { 'x-api-key': CLIENT_KEY });
    expect(await gateway.stop()).toBe(0);
    const files = (await readdir(gateway.dataDir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.map((file) => file.name)).toContain('smallfirst.db');
    const kept = [gateway.output(), ...(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'latin1'))))];
    for (const key of [UPSTREAM_KEY, CLIENT_KEY]) {
      for (const form of [key, Buffer.from(key).toString('base64').slice(0, 24), encodeURIComponent(key)]) {
        expect(kept.filter((text) => text.includes(form))).toEqual([]);
      }
    }
  });
});
