import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeUpstream, type Fault, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { recordedCalls } from '../support/recorded-calls.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

let upstream: FakeUpstream;
let gateway: ServedGateway;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream?.close());
beforeEach(async () => {
  upstream.reset();
  gateway = await serveHere({
    config: `models:
  gpt: { provider: openai, model: g, url: "${upstream.origin}/v1", apiKey: sk-00000000, retries: 0 }
  claude: { provider: anthropic, model: c, url: "${upstream.origin}", apiKey: sk-00000000, retries: 0 }
`,
  });
});
afterEach(() => gateway?.remove());

const messages = [{ role: 'user', content: 'hi' }];
const post = (path: string, body: object) =>
  fetch(gateway.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('the words of an upstream that fails', () => {
  it.each([429, 500, 403])('name no account of ours in a %s, and keep their type, code and shape', async (status) => {
    const said = { error: { type: 'tokens', code: 'rate_limit_exceeded', message: 'Limit 5 reached in organization org-a1B2c3D4e5.' } };
    upstream.always({ kind: 'status', status, body: JSON.stringify(said) });
    const answer = await post('/v1/chat/completions', { model: 'gpt', messages });
    const text = await answer.text();
    expect([answer.status, text.includes('org-a1B2c3D4e5'), answer.headers.get('content-length')]).toEqual([
      status,
      false,
      String(text.length),
    ]);
    // A refusal of our own credential tells nothing but that.
    if (status !== 403)
      expect(JSON.parse(text)).toEqual({ error: { ...said.error, message: 'Limit 5 reached in organization [removed].' } });
  });

  it.each([400, 413])('go on as they are in a %s, which is about the request', async (status) => {
    const body = '{"error":{"message":"prompt is too long for org-a1B2c3D4e5: 200001 tokens > 200000 maximum"}}';
    upstream.always({ kind: 'status', status, body });
    const answer = await post('/v1/messages', { model: 'claude', max_tokens: 9, messages });
    expect([answer.status, await answer.text()]).toEqual([status, body]);
  });
});

describe('an error that comes with status 200', () => {
  const said = (message: string) => ({ error: { type: 'rate_limit_error', code: 'slow_down', message } });
  const SECRET = 'Limit reached in org-a1B2c3D4e5, project proj_9xYz12.';
  const MASKED = 'Limit reached in [removed], project [removed].';
  const rewritten = (change: (frames: readonly string[]) => readonly string[]): Fault => ({
    kind: 'rewrite',
    rewrite: (reply) => ('frames' in reply.body ? { ...reply, body: { frames: change(reply.body.frames) } } : reply),
  });

  /** Without what differs from one answer to the next. */
  const unique = (text: string) => text.replace(/"created(_at)?":\d+/g, '"created":0');

  const chat = { model: 'gpt', messages, user: 'user-77abc' };
  const ask = { model: 'claude', max_tokens: 9, messages };
  const inner = { type: 'response.failed', response: { status: 'failed', user: 'user-77abc', ...said(SECRET) } };
  it.each([
    ['/v1/chat/completions', chat, `data: ${JSON.stringify(said(SECRET))}\n\n`],
    ['/v1/chat/completions', { ...chat, stream_options: { include_usage: true } }, `data: ${JSON.stringify(said(SECRET))}\r\n\r\n`],
    ['/v1/completions', { model: 'gpt', prompt: 'hi' }, `event: error\ndata: ${JSON.stringify(said(SECRET).error)}\n\n`],
    ['/v1/responses', { model: 'gpt', input: 'hi' }, `event: response.failed\ndata: ${JSON.stringify(inner)}\n\n`],
    ['/v1/responses', { model: 'gpt', input: 'hi' }, `event: error\ndata: ${JSON.stringify({ type: 'error', message: SECRET })}\n\n`],
    ['/v1/messages', ask, `event: error\ndata: ${JSON.stringify({ type: 'error', ...said(SECRET), request_id: 'req_1' })}\n\n`],
  ])('names no account of ours in a stream of %s, whose other bytes are those that came', async (path, body, error) => {
    upstream.always(rewritten((frames) => [...frames.slice(0, 2), error, ...frames.slice(2)]));
    const text = await (await post(path, { ...body, stream: true })).text();
    const harmless = error.replace(SECRET, 'Limit reached.');
    upstream.always(rewritten((frames) => [...frames.slice(0, 2), harmless, ...frames.slice(2)]));
    const other = await (await post(path, { ...body, stream: true })).text();
    expect(other).toContain(harmless);
    expect(unique(text)).toBe(unique(other.replace(harmless, error.replace(SECRET, MASKED))));
  });

  it('names none in a plain body, of models and of other endpoints', async () => {
    const error = { ...said(SECRET), user: 'user-77abc' };
    upstream.always({ kind: 'status', status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(error) });
    const told = JSON.stringify(error).replace(SECRET, MASKED);
    for (const [path, body] of [
      ['/v1/chat/completions', chat],
      ['/v1/messages', ask],
      ['/v1/embeddings', { model: 'gpt', input: 'hi' }],
      ['/v1/images/generations', { prompt: 'hi' }],
    ] as const) {
      const answer = await post(path, body);
      const text = await answer.text();
      expect([path, answer.status, text, answer.headers.get('content-length')]).toEqual([path, 200, told, String(told.length)]);
    }
  });

  it('is no tool that was called with such a thing, and no file that is fetched', async () => {
    const call = { type: 'tool_use', id: 't', name: 'f', input: { error: 'of user-77abc in org-a1B2c3D4e5' } };
    const body = JSON.stringify({ type: 'message', model: 'c', content: [call], stop_reason: 'tool_use', usage: { input_tokens: 1 } });
    upstream.always({ kind: 'status', status: 200, headers: { 'content-type': 'application/json' }, body });
    expect(await (await post('/v1/messages', ask)).text()).toBe(body);
    const file = JSON.stringify(said(SECRET));
    upstream.always({ kind: 'status', status: 200, headers: { 'content-type': 'application/json' }, body: file });
    expect(await (await fetch(`${gateway.url}/v1/files/file-1/content`)).text()).toBe(file);
  });

  it('is the client’s own where its credential is', async () => {
    const own = await serveHere({ config: `passthrough:\n  anthropic: { url: "${upstream.origin}" }\n` });
    try {
      const error = `event: error\ndata: ${JSON.stringify({ type: 'error', ...said(SECRET) })}\n\n`;
      upstream.always(rewritten((frames) => [...frames.slice(0, 2), error, ...frames.slice(2)]));
      const headers = { 'content-type': 'application/json', 'x-api-key': 'sk-client-0' };
      const request = { method: 'POST', headers, body: JSON.stringify({ ...ask, stream: true }) };
      expect(await (await fetch(`${own.url}/v1/messages`, request)).text()).toContain(error);
    } finally {
      await own.remove();
    }
  });
});

describe('the tags of a request', () => {
  it('are recorded with what it cost, go on to Anthropic, and to nobody else', async () => {
    const tags = { team: 'search', 'cost-center': '42', 'no name': 'x', deep: { a: 1 } };
    expect((await post('/v1/messages', { model: 'claude', max_tokens: 9, messages, tags })).status).toBe(200);
    expect((await post('/v1/messages', { model: 'gpt', max_tokens: 9, messages, tags })).status).toBe(200);
    expect((await post('/v1/messages', { model: 'claude', max_tokens: 9, messages, tags: 'x' })).status).toBe(200);
    expect(upstream.seen.map(({ json }) => json?.tags)).toEqual([tags, undefined, 'x']);
    await gateway.stop();
    const calls = await recordedCalls(gateway.dataDir);
    const recorded = calls.map(({ tags: { team, ...rest } }) => [team, rest['cost-center'], rest['no name'], rest.deep]).reverse();
    expect(recorded).toEqual([
      ['search', '42', undefined, undefined],
      ['search', '42', undefined, undefined],
      [undefined, undefined, undefined, undefined],
    ]);
  });
});
