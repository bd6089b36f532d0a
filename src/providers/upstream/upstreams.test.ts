import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  answer,
  asked,
  attempts,
  ok,
  quota,
  reset,
  type Step,
  send,
  serve,
  silent,
  upstreams,
} from '../../../test/support/upstream-world.ts';
import { systemClock } from '../../core/index.ts';
import type { Exchange, UpstreamRequest } from './types.ts';

describe('sending a request upstream', () => {
  it('sends our key and the model’s own body to the configured URL, and passes the answer on as it is', async () => {
    const server = await serve(answer(200, ' {"a": 1e400}\n', { 'x-request-id': 'r1', 'set-cookie': 'a=b' }));
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm', { query: 'beta=true&x=%20' });
    expect(server.requests).toEqual([
      {
        method: 'POST',
        url: '/v1/chat/completions?beta=true&x=%20',
        headers: expect.objectContaining({ authorization: 'Bearer key-m', 'accept-encoding': 'identity', 'content-length': '18' }),
        body: '{"model":"wire-m"}',
      },
    ]);
    expect(told).toEqual({
      head: {
        status: 200,
        headers: ['content-type', 'application/json', 'x-request-id', 'r1'],
        contentType: 'application/json',
        contentEncoding: null,
        retryAfterMs: null,
        target: expect.objectContaining({ name: 'm', model: 'wire-m' }),
        attempts: 1,
      },
      body: ' {"a": 1e400}\n',
      error: null,
    });
    expect(attempts).toEqual([expect.objectContaining({ status: 200, outcome: 'answered' })]);
  });

  it('forwards the client’s key only where it is told to, and never sends a customary key to a configured URL', async () => {
    const server = await serve(ok);
    const all = upstreams([
      { name: 'bare', url: server.url, keys: [] },
      { name: 'through', url: server.url, keys: [], forwardCredential: true },
    ]);
    await send(all, 'bare');
    await send(all, 'through');
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer client-key']);
  });

  it.each([400, 401, 403, 404, 413, 422, 501])('passes %d on without trying again', async (status) => {
    const server = await serve(answer(status, '{"error":{"message":"m"}}'), ok);
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm');
    expect([told.head?.status, told.body, server.requests.length]).toEqual([status, '{"error":{"message":"m"}}', 1]);
  });

  it.each<[string, Step]>([
    ['429', answer(429, '{}')],
    ['429 with retry-after-ms', answer(429, '{}', { 'retry-after-ms': '3' })],
    ['408', answer(408, '')],
    ['409', answer(409, '')],
    ['500', answer(500, '{}')],
    ['an HTML 502', answer(502, '<html>Bad gateway</html>', { 'content-type': 'text/html' })],
    ['529', answer(529, '{"type":"error","error":{"type":"overloaded_error"}}')],
    ['a reset before headers', reset],
  ])('tries again after %s', async (_, step) => {
    const server = await serve(step, step, ok);
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm');
    expect([told.head?.status, told.head?.attempts, server.requests.length]).toEqual([200, 3, 3]);
  });

  it('gives up after its retries with the last upstream’s own status, body and Retry-After', async () => {
    const server = await serve(
      answer(500, 'first'),
      answer(503, 'second', { 'retry-after': '0' }),
      answer(429, 'third', { 'retry-after': '7' }),
    );
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm');
    expect([told.head?.status, told.body, server.requests.length]).toEqual([429, 'third', 3]);
    expect(told.head?.headers).toEqual(expect.arrayContaining(['retry-after', '7']));
  });

  it('asks once where retries are 0, where the client’s SDK is trying again, and where the upstream says no', async () => {
    const failing = answer(503, '{}');
    const server = await serve(failing, failing, answer(503, '{}', { 'x-should-retry': 'false' }));
    const all = upstreams([
      { name: 'm', url: server.url },
      { name: 'once', url: server.url, retries: 0 },
    ]);
    await send(all, 'once');
    await send(all, 'm', { clientRetry: true });
    await send(all, 'm');
    expect(server.requests.length).toBe(3);
  });

  it('never tries again when the quota is spent, or when the wait would be too long', async () => {
    const server = await serve(answer(429, quota), answer(429, '{}', { 'retry-after': '3600' }), answer(429, '{}', { 'retry-after': '5' }));
    const all = upstreams([{ name: 'm', url: server.url }]);
    const spent = await send(all, 'm');
    const long = await send(all, 'm');
    const late = await send(all, 'm', { deadlineAt: systemClock.now() + 4000 });
    expect([spent.body, long.head?.status, late.head?.status, server.requests.length]).toEqual([quota, 429, 429, 3]);
  });

  it('waits before it tries a limited upstream without a key again', async () => {
    const server = await serve(answer(429, '{}', { 'retry-after-ms': '80' }), ok);
    const began = performance.now();
    await send(upstreams([{ name: 'm', url: server.url, keys: [] }]), 'm');
    expect([server.requests.length, performance.now() - began >= 79]).toEqual([2, true]);
  });

  it('stops adding load when the retry budget is spent', async () => {
    const server = await serve(answer(500, '{}'));
    const all = upstreams([{ name: 'm', url: server.url, breaker: false }]);
    for (let i = 0; i < 30; i += 1) await send(all, 'm');
    // 10 saved up and a fifth of 30, and what trickles in while the test runs.
    expect(server.requests.length).toBeGreaterThanOrEqual(46);
    expect(server.requests.length).toBeLessThanOrEqual(50);
  });

  it('tells a cut answer as an error after its head, and never tries again then', async () => {
    const cut: Step = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"half":1}\n\n', () => response.destroy());
    };
    const server = await serve(cut, ok);
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm');
    expect([told.head?.status, told.body, told.error?.code, server.requests.length]).toEqual([
      200,
      'data: {"half":1}\n\n',
      'UPSTREAM_FAILED',
      1,
    ]);
  });

  it('does not follow a redirect', async () => {
    const server = await serve(answer(302, '', { location: 'http://127.0.0.1:1/' }));
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm');
    expect([told.head, told.error?.code, server.requests.length]).toEqual([null, 'UPSTREAM_INVALID', 1]);
  });

  it('says that nobody listens without naming the address', async () => {
    const gone = await serve(ok);
    const url = gone.url;
    await new Promise<void>((resolve) => gone.server.close(() => resolve()));
    const told = await send(upstreams([{ name: 'm', url }]), 'm');
    expect([told.error?.code, told.error?.message]).toEqual(['UPSTREAM_FAILED', 'The upstream of m refused the connection.']);
  });

  it('gives up on a stalled upstream in its own time', async () => {
    const stalls: Step = (_, response) => {
      response.writeHead(200);
      response.write('x');
    };
    const server = await serve(silent, stalls);
    const all = upstreams([{ name: 'm', url: server.url, timeoutMs: 60, retries: 0 }]);
    const [first, second] = [await send(all, 'm'), await send(all, 'm')];
    expect([first.head, first.error?.message]).toEqual([null, 'The upstream of m took too long to begin its answer.']);
    expect([second.body, second.error?.message]).toEqual(['x', 'The upstream of m fell silent in the middle of its answer.']);
  });

  it('passes an error body that is too long to hold on as it comes', async () => {
    const long = 'x'.repeat(600_000);
    const server = await serve(answer(500, long));
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm');
    expect([told.head?.status, told.body === long, server.requests.length]).toEqual([500, true, 1]);
  });

  it('sends a streamed body once', async () => {
    const server = await serve(answer(503, 'busy'), ok);
    const write: UpstreamRequest['write'] = () => ({
      path: '/v1/files',
      headers: [],
      body: Readable.from([Buffer.from('a'), Buffer.from('b')]),
    });
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm', { write });
    expect([told.head?.status, told.body, server.requests.map(({ url, body }) => [url, body])]).toEqual([
      503,
      'busy',
      [['/v1/files', 'ab']],
    ]);
  });
});

describe('calling a request off', () => {
  it('reaches the upstream before the first byte', async () => {
    const server = await serve(silent);
    const controller = new AbortController();
    const sent = send(upstreams([{ name: 'm', url: server.url }]), 'm', { signal: controller.signal });
    await server.until(() => server.requests.length === 1);
    controller.abort();
    expect((await sent).error?.code).toBe('ABORTED');
    await server.until(() => server.closed.length === 1);
  });

  it('reaches the upstream in the middle of an answer', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200);
      response.write('a');
    });
    void send(
      upstreams([{ name: 'm', url: server.url }]),
      'm',
      {},
      {
        onData: (exchange) => {
          exchange.abort();
          return true;
        },
      },
    );
    await server.until(() => server.closed.length === 1);
    expect(server.closed).toEqual([0]);
  });

  it('works while it waits to try again, and before it began', async () => {
    const server = await serve(answer(429, '{}', { 'retry-after': '10' }), ok);
    const all = upstreams([{ name: 'm', url: server.url }]);
    const controller = new AbortController();
    const sent = send(all, 'm', { signal: controller.signal });
    await server.until(() => server.requests.length === 1);
    controller.abort();
    expect((await sent).error?.code).toBe('ABORTED');
    expect((await send(all, 'm', { signal: AbortSignal.abort() })).error?.code).toBe('ABORTED');
    expect(server.requests.length).toBe(1);
  });

  it('happens by itself when the deadline passes before an answer begins', async () => {
    const server = await serve(silent);
    const all = upstreams([{ name: 'm', url: server.url }]);
    expect((await send(all, 'm', { deadlineAt: systemClock.now() + 30 })).error?.code).toBe('DEADLINE_EXCEEDED');
    await server.until(() => server.closed.length === 1);
    expect((await send(all, 'm', { deadlineAt: systemClock.now() - 1 })).error?.code).toBe('DEADLINE_EXCEEDED');
    expect(server.requests.length).toBe(1);
  });

  it('does not happen by a deadline once the answer has begun', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200);
      response.write('a');
      setTimeout(() => response.end('b'), 120);
    });
    const told = await send(upstreams([{ name: 'm', url: server.url }]), 'm', { deadlineAt: systemClock.now() + 60 });
    expect([told.body, told.error]).toEqual(['ab', null]);
  });
});

describe('backpressure', () => {
  it('holds the upstream back until the reader goes on', async () => {
    const total = 40 * 1024 * 1024;
    let written = 0;
    const server = await serve((_, response) => {
      const piece = Buffer.alloc(1024 * 1024, 'x');
      const more = (): void => {
        while (written < total) {
          written += piece.length;
          if (!response.write(piece)) {
            response.once('drain', more);
            return;
          }
        }
        response.end();
      };
      more();
    });
    let received = 0;
    let held: Exchange | null = null;
    let ended: () => void = () => undefined;
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    let stopped: () => void = () => undefined;
    const stop = new Promise<void>((resolve) => {
      stopped = resolve;
    });
    held = upstreams([{ name: 'm', url: server.url }])
      .get('m')
      .send(asked, {
        onHead: () => undefined,
        onData: (chunk) => {
          const first = received === 0;
          received += chunk.length;
          if (first) stopped();
          return !first;
        },
        onEnd: ended,
        onError: (error) => {
          throw error;
        },
      });
    await stop;
    // Whatever fits into the buffers between fills up, and then nothing moves.
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(written).toBeLessThan(total);
    held.resume();
    await end;
    expect(received).toBe(total);
  });
});
