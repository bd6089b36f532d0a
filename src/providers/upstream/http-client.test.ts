import { describe, expect, it } from 'vitest';
import { answer, quota, type Step, serve, silent, upstreams } from '../../../test/support/upstream-world.ts';
import { type Answer, collect, type ModelRequest, textMessage, usage } from '../../core/index.ts';
import type { CallContext } from '../types.ts';
import { createHttpClient, type HttpClientOptions } from './http-client.ts';
import type { UpstreamSettings } from './types.ts';

const request: ModelRequest = { messages: [textMessage('user', 'Hi')], maxTokens: 5 };
const context: CallContext = { itemId: null, input: null, signal: null, deadlineAt: null };

const sse =
  (...frames: string[]): Step =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const frame of frames) response.write(`${frame}\n\n`);
    response.end();
  };
const chat = [
  'data: {"id":"c","model":"gpt-x-1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}',
  'data: {"id":"c","model":"gpt-x-1","choices":[{"index":0,"delta":{"content":"lo"}}]}',
  'data: {"id":"c","model":"gpt-x-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
  'data: {"id":"c","model":"gpt-x-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}',
  'data: [DONE]',
];

async function ask(
  step: Step | readonly Step[],
  settings: Partial<UpstreamSettings> = {},
  options: HttpClientOptions = {},
): Promise<{ answer: Answer; sent: Record<string, unknown>; url: string }> {
  const server = await serve(...(Array.isArray(step) ? (step as readonly Step[]) : [step as Step]));
  const client = createHttpClient(upstreams([{ name: 'm', url: server.url, retries: 0, ...settings }]).get('m'), options);
  const collected = await collect(client.call(request, context));
  return {
    answer: collected,
    sent: JSON.parse(server.requests[0]?.body ?? '{}') as Record<string, unknown>,
    url: server.requests[0]?.url ?? '',
  };
}

describe('a live model', () => {
  it('streams a chat completion with its usage', async () => {
    const { answer: got, sent, url } = await ask(sse(...chat));
    expect(got).toMatchObject({
      text: 'Hello',
      stop: 'done',
      usage: usage({ freshInput: 3, output: 2 }),
      usageSource: 'reported',
      servedModel: 'gpt-x-1',
    });
    expect([url, sent]).toEqual([
      '/v1/chat/completions',
      expect.objectContaining({ model: 'wire-m', stream: true, stream_options: { include_usage: true }, max_completion_tokens: 5 }),
    ]);
  });

  it('reads a stream that does not say that it is one, wherever its first bytes are split', async () => {
    const told = (await ask(sse(...chat))).answer;
    for (const [type, at] of [
      [null, 2],
      ['text/plain', 9],
      ['application/json', 40],
    ] as const) {
      const step: Step = (_, response) => {
        const text = `${chat.join('\n\n')}\n\n`;
        response.writeHead(200, type === null ? {} : { 'content-type': type });
        response.write(text.slice(0, at));
        setImmediate(() => response.end(text.slice(at)));
      };
      expect((await ask(step)).answer).toEqual(told);
    }
  });

  it('asks plainly when told to, and reads a plain answer even where it asked for a stream', async () => {
    const body = JSON.stringify({
      id: 'c',
      model: 'gpt-x-1',
      choices: [{ message: { content: 'Hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    });
    const plain = await ask(answer(200, body), {}, { stream: false });
    expect([plain.answer.text, plain.answer.usage, plain.sent.stream ?? false]).toEqual([
      'Hello',
      usage({ freshInput: 3, output: 2 }),
      false,
    ]);
    expect((await ask(answer(200, body))).answer.text).toBe('Hello');
  });

  it('speaks Anthropic to Anthropic', async () => {
    const frames = [
      'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"claude-x","usage":{"input_tokens":4,"output_tokens":1}}}',
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}',
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}',
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}',
      'event: message_stop\ndata: {"type":"message_stop"}',
    ];
    const server = await serve(sse(...frames));
    const client = createHttpClient(upstreams([{ name: 'm', provider: 'anthropic', url: server.url }]).get('m'));
    expect(await collect(client.call(request, context))).toMatchObject({
      text: 'Hello',
      stop: 'done',
      usage: usage({ freshInput: 4, output: 2 }),
    });
    const sent = server.requests[0];
    expect([sent?.url, sent?.headers['x-api-key'], sent?.headers.authorization, sent?.headers['anthropic-version']]).toEqual([
      '/v1/messages',
      'key-m',
      undefined,
      expect.stringMatching(/^20/),
    ]);
  });

  it('speaks to a fallback in the fallback’s own protocol', async () => {
    const [first, second] = [
      await serve(answer(500, '{}')),
      await serve(
        answer(200, '{"content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}'),
      ),
    ];
    const all = upstreams([
      { name: 'a', url: first.url, fallbacks: ['b'] },
      { name: 'b', provider: 'anthropic', url: second.url },
    ]);
    expect(await collect(createHttpClient(all.get('a'), { stream: false }).call(request, context))).toMatchObject({
      text: 'Hi',
      stop: 'done',
    });
  });

  it('ends an answer that broke off as cut, and keeps what came', async () => {
    const cut: Step = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`${chat[0]}\n\n`, () => response.destroy());
    };
    expect((await ask(cut)).answer).toMatchObject({ text: 'Hel', stop: 'cut' });
    expect((await ask(sse(...chat.slice(0, 2)))).answer).toMatchObject({ text: 'Hello', stop: 'cut' });
  });

  it.each<[string, Step, string, string | RegExp]>([
    [
      'a bad request',
      answer(400, '{"error":{"message":"max_tokens is too large"}}'),
      'UPSTREAM_REJECTED',
      'The upstream of m refused the request (HTTP 400): max_tokens is too large',
    ],
    [
      'a bad key',
      answer(401, '{"error":{"message":"Incorrect API key provided: key-m"}}'),
      'UPSTREAM_REJECTED',
      'The upstream of m does not accept its key (HTTP 401).',
    ],
    [
      'an unknown model',
      answer(404, '{"error":{"message":"no wire-m in org-1"}}'),
      'UPSTREAM_REJECTED',
      'The upstream of m does not know the model or the endpoint (HTTP 404).',
    ],
    ['a spent quota', answer(429, quota), 'UPSTREAM_REJECTED', /quota behind its key is spent/],
    ['a limited rate', answer(429, '{}'), 'UPSTREAM_BUSY', 'The upstream of m is limiting the rate (HTTP 429).'],
    ['an HTML 502', answer(502, '<html>secret host</html>'), 'UPSTREAM_FAILED', 'The upstream of m failed (HTTP 502).'],
    ['no JSON', answer(200, '<html>'), 'UPSTREAM_INVALID', /not JSON/],
    ['a reset', (incoming) => incoming.socket.destroy(), 'UPSTREAM_FAILED', 'The upstream of m closed the connection before it answered.'],
  ])('throws for %s what is safe to show', async (_, step, code, message) => {
    await expect(ask(step)).rejects.toMatchObject({
      code,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });

  it('says how long a limited upstream asks to wait', async () => {
    await expect(ask(answer(429, '{}', { 'retry-after': '7' }))).rejects.toMatchObject({ code: 'UPSTREAM_BUSY', retryAfterMs: 7000 });
  });

  it('stops the upstream when the caller aborts, when the caller stops reading, and at the deadline', async () => {
    const slow: Step = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`${chat[0]}\n\n`);
    };
    const server = await serve(slow, slow, silent);
    const client = createHttpClient(upstreams([{ name: 'm', url: server.url }]).get('m'));
    const controller = new AbortController();
    const aborted = (async () => {
      for await (const event of client.call(request, { ...context, signal: controller.signal }))
        if (event.type === 'text') controller.abort();
    })();
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    for await (const event of client.call(request, context)) if (event.type === 'text') break;
    await expect(collect(client.call(request, { ...context, deadlineAt: Date.now() + 30 }))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    await server.until(() => server.closed.length === 3);
  });

  it('reads an answer much longer than what it holds', async () => {
    const words = Array.from({ length: 3000 }, (_, i) => `data: {"choices":[{"index":0,"delta":{"content":"${'x'.repeat(1000)}${i}"}}]}`);
    const { answer: got } = await ask(sse(...words, ...chat.slice(2)));
    expect([got.text.length > 3_000_000, got.text.endsWith('x2999'), got.stop]).toEqual([true, true, 'done']);
  });
});
