import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
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
