import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

let upstream: FakeUpstream;
let gateway: ServedGateway | null = null;

beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());
afterEach(async () => {
  await gateway?.remove();
  gateway = null;
});

it.each([
  ['relayed', '/v1/chat/completions'],
  ['translated', '/v1/messages'],
])('a request that finds no room at its model is told when to come again: %s', async (_how, path) => {
  upstream.reset();
  upstream.always({ kind: 'silent' });
  gateway = await serveHere({
    config: `models: { gpt: { provider: openai, model: x, url: "${upstream.origin}/v1", apiKey: sk-upstream, concurrency: 1, queue: 0 } }`,
  });
  const url = gateway.url + path;
  const body = JSON.stringify({ model: 'gpt', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] });
  const leaving = new AbortController();
  const first = fetch(url, { method: 'POST', body, signal: leaving.signal }).catch((error: Error) => error.name);
  await upstream.request(0);
  const second = await fetch(url, { method: 'POST', body });
  expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1']);
  expect(upstream.seen).toHaveLength(1);
  leaving.abort();
  expect(await first).toBe('AbortError');
});
