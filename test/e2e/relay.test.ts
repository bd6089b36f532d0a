import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCommand, type ServedGateway, serveHere, serveProcess } from '../support/serve.ts';

/** What an upstream got, byte by byte. */
interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

type Answer = (response: ServerResponse, got: Got) => void;

let upstream: Server;
let origin: string;
let answer: Answer = () => {};
let got: Got[] = [];
let gateway: ServedGateway;

beforeAll(async () => {
  upstream = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const one = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks) };
      got.push(one);
      answer(response, one);
    });
  }).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  gateway = await serveHere({
    config: `models:
  m: { provider: openai, model: wire-name, url: "${origin}/v1", apiKey: sk-of-the-config, retries: 0 }
  claude: { provider: anthropic, model: claude, url: "${origin}", apiKey: sk-of-the-config, retries: 0 }
passthrough:
  openai: { url: "${origin}/v1" }
server: { pingSeconds: 0.05 }
`,
  });
});
beforeEach(() => {
  got = [];
});
afterAll(async () => {
  await gateway?.remove();
  upstream?.closeAllConnections();
  upstream?.close();
});

/** One exchange on a connection of its own, as bytes. `broken` says that the connection closed before the body's end. */
async function exchange(path: string, body: Buffer | string, headers: Readonly<Record<string, string>> = {}, method = 'POST') {
  const sent = request(gateway.url + path, { method, headers: { 'content-type': 'application/json', ...headers }, agent: false });
  sent.end(body);
  const [incoming] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  let broken = false;
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    broken = true;
  }
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks), broken };
}

const json =
  (body: Buffer | string, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  };

function streamOf(...pieces: readonly (string | Buffer)[]): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const left = [...pieces];
    const next = () => {
      const piece = left.shift();
      if (piece === undefined) response.end();
      else {
        response.write(piece);
        setImmediate(next);
      }
    };
    next();
  };
}

/** JSON as clients and models really write it: odd white space, big integers, duplicate keys, names escaped or not. */
const space = fc.stringMatching(/^[ \n\r\t]{0,3}$/);
const scalar = fc.oneof(
  fc.constantFrom('null', 'true', '0', '-1.5e+300', '123456789012345678901234567890', '1E5', '0.10000000000000000001'),
  fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
);
const { value } = fc.letrec<{ value: string; member: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.tuple(fc.array(tie('value'), { maxLength: 3 }), space).map(([items, s]) => `[${s}${items.join(`${s},${s}`)}${s}]`),
    fc.tuple(fc.array(tie('member'), { maxLength: 3 }), space).map(([members, s]) => `{${s}${members.join(`,${s}`)}}`),
  ),
  member: fc.tuple(fc.string(), space, tie('value'), space).map(([key, s, v, t]) => `${JSON.stringify(key)}${s}:${t}${v}`),
}));
const members = fc.array(
  fc.tuple(fc.constantFrom('"messages"', '"top_k"', '"__proto__"', '"big"', '"x\\u0041"', '"usage"'), space, value, space),
  { maxLength: 6 },
);
const bodyWith = (model: string) =>
  fc.tuple(members, members, space).map(([before, after, s]) => {
    const texts = (list: typeof before) => list.map(([key, a, v, b]) => `${a}${key}${b}:${a}${v}`);
    return `{${[...texts(before), `${s}"model"${s}: ${JSON.stringify(model)}`, ...texts(after)].join(',')}}${s}`;
  });

describe('bytes', () => {
  it('of a plain call pass both ways untouched, but for the name of the model', async () => {
    await fc.assert(
      fc.asyncProperty(bodyWith('m'), bodyWith('whatever'), async (asked, answered) => {
        got = [];
        answer = json(answered);
        const { status, body } = await exchange('/v1/chat/completions?beta=true&x=%20', asked);
        expect([status, body.toString()]).toEqual([200, answered]);
        expect(got[0]?.url).toBe('/v1/chat/completions?beta=true&x=%20');
        expect(got[0]?.body.toString()).toBe(asked.replace(/("model"\s*: )"m"/, '$1"wire-name"'));
      }),
      { numRuns: 60 },
    );
  });

  it('of a call for a model that is not named pass with no exception', async () => {
    await fc.assert(
      fc.asyncProperty(bodyWith('gpt-of-next-year'), async (asked) => {
        got = [];
        answer = json('{"id":"x"}');
        await exchange('/v1/chat/completions', asked, { authorization: 'Bearer sk-of-the-client' });
        expect(got[0]?.body.toString()).toBe(asked);
        expect(got[0]?.headers.authorization).toBe('Bearer sk-of-the-client');
      }),
      { numRuns: 30 },
    );
  });

  it('of a stream pass as they came, wherever they are split and however its lines end', async () => {
    const text =
      ': comment\r\n\r\ndata:{"id":"1","model":"w","choices":[{"index":0,"delta":{"content":"Grüße 🙂"}}]}\r\n\r\n' +
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}], "big":12345678901234567890}\n\n' +
      'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n';
    const bytes = Buffer.from(text);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: bytes.length }), { maxLength: 6 }), async (cuts) => {
        const at = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
        answer = streamOf(...at.slice(1).map((end, i) => bytes.subarray(at[i], end)));
        const { body } = await exchange('/v1/chat/completions', '{"model":"m","stream":true,"stream_options":{"include_usage":true}}');
        expect(body.toString()).toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  it('of an answer that is too long to hold pass as they come', async () => {
    const long = Buffer.from(`{"id":"x","text":"${'y'.repeat(3_000_000)}","usage":{"prompt_tokens":1,"completion_tokens":2}}`);
    answer = json(long);
    const { body } = await exchange('/v1/chat/completions', '{"model":"m"}');
    expect(body.equals(long)).toBe(true);
  });
});

describe('an endpoint that names no model of the config', () => {
  it('gets its body streamed, with its length, and answers as it does', async () => {
    const file = Buffer.alloc(3_000_000, 7);
    answer = (response) => response.writeHead(201, { 'content-type': 'application/json', 'x-new': 'kept' }).end('{"id":"file-1"}');
    const { status, headers, body } = await exchange('/v1/files', file, { 'content-type': 'multipart/form-data; boundary=b' });
    expect([status, headers['x-new'], body.toString()]).toEqual([201, 'kept', '{"id":"file-1"}']);
    expect(got[0]?.body.equals(file)).toBe(true);
    expect(got[0]?.headers).toMatchObject({ 'content-length': '3000000', 'content-type': 'multipart/form-data; boundary=b' });
  });

  it('gets no more of a body without a length than its limit', async () => {
    const sent = request(`${gateway.url}/v1/images/edits`, { method: 'POST', agent: false });
    sent.on('error', () => {});
    const piece = Buffer.alloc(1 << 20);
    let open = true;
    sent.on('close', () => {
      open = false;
    });
    const more = () => {
      while (open && sent.write(piece));
    };
    sent.on('drain', more);
    more();
    const [incoming] = (await once(sent, 'response')) as [IncomingMessage];
    open = false;
    sent.destroy();
    expect(incoming.statusCode).toBe(413);
    expect(got).toEqual([]);
  });

  it('is reached by every method', async () => {
    answer = json('{"deleted":true}');
    await exchange('/v1/files/file-1?after=2', '', {}, 'DELETE');
    await exchange('/v1/files', '', {}, 'GET');
    expect(got.map(({ method, url, body }) => [method, url, body.length])).toEqual([
      ['DELETE', '/v1/files/file-1?after=2', 0],
      ['GET', '/v1/files', 0],
    ]);
  });

  it('is found under base URLs with and without /v1, and with it twice', async () => {
    answer = json('{"id":"x"}');
    for (const path of ['/chat/completions', '/v1/v1/chat/completions', '/v1/chat/completions/']) {
      expect((await exchange(path, '{"model":"m"}')).status).toBe(200);
    }
    expect(got.map(({ url }) => url)).toEqual(['/v1/chat/completions', '/v1/chat/completions', '/v1/chat/completions']);
    expect((await exchange('/nothing/here', '{}')).status).toBe(404);
  });
});

describe('a silent stream', () => {
  const ask = (path: string, model: string) => exchange(path, JSON.stringify({ model, stream: true, max_tokens: 5 }));

  it('gets pings between its frames, in the words of its protocol', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":3}}}\n\n');
      setTimeout(() => {
        response.write(
          'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n',
        );
        response.end('event: message_stop\ndata: {"type":"message_stop"}\n\n');
      }, 250);
    };
    const { body } = await ask('/v1/messages', 'claude');
    expect(
      body
        .toString()
        .split('\n\n')
        .filter((frame) => frame === 'event: ping\ndata: {"type": "ping"}').length,
    ).toBeGreaterThan(0);
    expect(body.toString().replaceAll('event: ping\ndata: {"type": "ping"}\n\n', '').split('\n\n').length).toBe(4);
  });

  it('gets none inside a frame', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: message_stop\ndata: {"type":');
      setTimeout(() => response.end('"message_stop"}\n\n'), 250);
    };
    const { body } = await ask('/v1/messages', 'claude');
    expect(body.toString()).toMatch(/^event: message_stop\ndata: \{"type":"message_stop"\}\n\n/);
  });
});

describe('an answer that breaks off', () => {
  it('becomes an error where nothing of it was sent', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"id":');
      setTimeout(() => response.destroy(), 20);
    };
    const { status, body } = await exchange('/v1/chat/completions', '{"model":"m"}');
    expect([status, JSON.parse(body.toString())]).toMatchObject([502, { error: { type: 'server_error' } }]);
  });

  it.each([
    ['by a reset', (response: ServerResponse) => response.destroy()],
    ['by an end that its protocol does not know', (response: ServerResponse) => response.end()],
  ])('looks broken where it was begun: %s', async (_how, end) => {
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n');
      setTimeout(() => end(response), 20);
    };
    const { body, broken } = await exchange('/v1/chat/completions', '{"model":"m","stream":true}');
    expect(broken).toBe(true);
    expect(body.toString()).toMatch(/half[\s\S]*data: \{"error":\{"message"/);
    expect(body.toString()).not.toContain('[DONE]');
  });
});

describe('a client that goes away', () => {
  it.each(['before the first byte', 'in the middle of a stream'])('takes its upstream request with it: %s', async (stage) => {
    const closed = new Promise<void>((resolve) => {
      answer = (response) => {
        response.on('close', () => resolve());
        if (stage !== 'before the first byte') {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('data: {"choices":[{"index":0,"delta":{"content":"half"}}]}\n\n');
        } else leave();
      };
    });
    const sent = request(`${gateway.url}/v1/chat/completions`, { method: 'POST', agent: false });
    const leave = () => sent.destroy();
    sent.on('error', () => {});
    sent.on('response', (incoming) => incoming.once('data', leave));
    sent.end('{"model":"m","stream":true}');
    await closed;
  });
});

describe('the record', () => {
  const running: { remove(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.remove()));
  });

  it('holds every answer when SIGTERM has let requests under way end', async () => {
    const config = `models: { m: { provider: openai, model: gpt-4o-mini, url: "${origin}/v1", apiKey: k, retries: 0 } }`;
    const served = await serveProcess({ config });
    running.push(served);
    const plain =
      '{"id":"x","model":"gpt-4o-mini","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2}}';
    const stream = [
      'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n',
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
      'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n',
      'data: [DONE]\n\n',
    ];
    let late: (() => void) | null = null;
    const lateArrived = new Promise<void>((resolve) => {
      answer = (response, one) => {
        const text = one.body.toString();
        if (text.includes('"fail"')) json('{"error":{"message":"no","type":"server_error"}}', 500)(response, one);
        else if (text.includes('"late"')) {
          late = () => json(plain)(response, one);
          resolve();
        } else if (text.includes('"stream":true')) streamOf(...stream)(response, one);
        else json(plain)(response, one);
      };
    });
    const post = (body: string) => fetch(`${served.url}/v1/chat/completions`, { method: 'POST', body });
    for (let i = 0; i < 5; i += 1) expect((await post('{"model":"m"}')).status).toBe(200);
    for (let i = 0; i < 5; i += 1) expect(await (await post('{"model":"m","stream":true}')).text()).toContain('[DONE]');
    expect((await post('{"model":"m","user":"fail"}')).status).toBe(500);
    // Not calls: what never reached a model.
    expect((await post('{"model":"other"}')).status).toBe(404);
    expect((await post('{')).status).toBe(400);
    const last = post('{"model":"m","user":"late"}');
    await lateArrived;
    const stopped = served.stop();
    setTimeout(() => late?.(), 100);
    const answered = await last;
    expect([answered.status, answered.headers.get('connection'), await answered.text()]).toEqual([200, 'close', plain]);
    expect(await stopped).toBe(0);
    expect(served.output().match(/^smallfirst listening on http:\/\/127\.0\.0\.1:\d+$/gm)).toHaveLength(1);
    const bill = JSON.parse(await runCommand(['bill', '--data', served.dataDir, '--json'])) as Record<string, unknown>;
    // 7 × $0.15 + 2 × $0.60 per million, eleven times; the failed call cost nothing.
    expect(bill).toMatchObject({ calls: 12, attempts: 12, unpricedCalls: 0, costNanoUsd: 11 * 2_250, inputTokens: 77, outputTokens: 22 });
  });

  it('counts the tokens of an answer that its client did not wait for', async () => {
    const served = await serveProcess({
      config: `models: { m: { provider: openai, model: gpt-4o-mini, url: "${origin}/v1", apiKey: k } }`,
    });
    running.push(served);
    answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"index":0,"delta":{"content":"one two three four"}}]}\n\n');
    };
    const leaving = new AbortController();
    const body = '{"model":"m","stream":true,"messages":[{"role":"user","content":"count to ten"}]}';
    const response = await fetch(`${served.url}/v1/chat/completions`, { method: 'POST', body, signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    await served.stop();
    const bill = JSON.parse(await runCommand(['bill', '--data', served.dataDir, '--by', 'outcome', '--json'])) as { rows: unknown };
    expect(bill.rows).toMatchObject([{ outcome: 'aborted', calls: 0, attempts: 1, inputTokens: 3, outputTokens: 4 }]);
  });
});
