import Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allOf, CLIENT_KEY, errorOf, UPSTREAM_KEY } from '../support/both-ways.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { OpenAiClient } from '../support/openai-sdk.ts';
import { recordedCalls } from '../support/recorded-calls.ts';
import { type ServedGateway, serveHere } from '../support/serve.ts';

let first: FakeUpstream;
let second: FakeUpstream;
beforeAll(async () => {
  first = await startFakeUpstream();
  second = await startFakeUpstream();
});
afterAll(async () => {
  await first?.close();
  await second?.close();
});
beforeEach(() => {
  first.reset();
  second.reset();
});

let gateway: ServedGateway | null = null;
afterEach(async () => {
  await gateway?.remove();
  gateway = null;
});

async function serve(config: string | null): Promise<{ readonly openai: OpenAI; readonly anthropic: Anthropic; readonly url: string }> {
  gateway = await serveHere({ config, env: { UPSTREAM_KEY } });
  const { url } = gateway;
  return {
    url,
    openai: new OpenAiClient({ baseURL: `${url}/v1`, apiKey: CLIENT_KEY, maxRetries: 0 }),
    anthropic: new Anthropic({ baseURL: url, apiKey: CLIENT_KEY, maxRetries: 0 }),
  };
}

const messages = [{ role: 'user' as const, content: 'Hallo' }];
const credentials = (upstream: FakeUpstream) =>
  upstream.seen.map(({ headers }) => [headers.authorization ?? null, headers['x-api-key'] ?? null]);

describe('what a config does not name', () => {
  it("goes to its protocol's passthrough with the client's own credential, where the config holds none", async () => {
    const { openai, anthropic, url } = await serve(
      `passthrough:\n  openai: { url: "${first.origin}/v1" }\n  anthropic: { url: "${second.origin}" }\n`,
    );
    const chunks = await allOf(await openai.chat.completions.create({ model: 'gpt-of-next-year', messages, stream: true }));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    await openai.files.retrieve('file-1');
    await anthropic.messages.create({ model: 'claude-of-next-year', max_tokens: 99, messages });
    const older = { 'x-api-key': CLIENT_KEY, 'anthropic-version': '2023-06-01', 'content-type': 'application/json' };
    await fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: older,
      body: JSON.stringify({ model: 'claude-older', max_tokens: 9, messages }),
    });
    expect(first.seen.map(({ method, target, json }) => [method, target, json?.model])).toEqual([
      ['POST', '/v1/chat/completions', 'gpt-of-next-year'],
      ['GET', '/v1/files/file-1', undefined],
    ]);
    expect([credentials(first), credentials(second)]).toEqual([
      [
        [`Bearer ${CLIENT_KEY}`, null],
        [`Bearer ${CLIENT_KEY}`, null],
      ],
      // Each as it came: the SDK sends its key as a bearer token, older ones by a header of their own.
      [
        [`Bearer ${CLIENT_KEY}`, null],
        [null, CLIENT_KEY],
      ],
    ]);
    await gateway?.stop();
    const calls = await recordedCalls(gateway?.dataDir ?? '');
    // The file's request too: what names no model is recorded by what it asked for.
    expect(calls.map(({ model, provider, purpose }) => [model, provider, purpose]).sort()).toEqual([
      ['claude-of-next-year', 'anthropic', 'passthrough'],
      ['claude-older', 'anthropic', 'passthrough'],
      ['files', 'openai', 'passthrough'],
      ['gpt-of-next-year', 'openai', 'passthrough'],
    ]);
  });

  it("goes there with the config's credential, and without the client's, where it holds one", async () => {
    const { openai } = await serve(`passthrough:\n  openai: { url: "${first.origin}", apiKey: "\${UPSTREAM_KEY}" }\n`);
    await openai.chat.completions.create({ model: 'any', messages });
    expect(credentials(first)).toEqual([[`Bearer ${UPSTREAM_KEY}`, null]]);
  });

  it('never tells a vendor the key of this gateway: a second credential goes on, and that one stays', async () => {
    const { url } = await serve(`passthrough:
  openai: { url: "${first.origin}/v1" }
  anthropic: { url: "${second.origin}" }
keys: [{ name: alice, key: alice-secret, passthrough: true }]
`);
    const ask = async (path: string, headers: Record<string, string>) => {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ model: 'any', max_tokens: 9, messages }),
      };
      const answer = await fetch(url + path, init);
      await answer.text();
      return answer.status;
    };
    const [ours, theirs] = ['alice-secret', CLIENT_KEY];
    await ask('/v1/chat/completions', { authorization: `Bearer ${ours}` });
    await ask('/v1/chat/completions', { authorization: `Bearer ${theirs}`, 'x-api-key': ours });
    await ask('/v1/moderations', { authorization: `bearer ${ours}`, 'x-api-key': ours });
    await ask('/v1/messages', { authorization: `Bearer ${ours}`, 'x-api-key': theirs });
    expect([credentials(first), credentials(second)]).toEqual([
      [
        [null, null],
        [`Bearer ${theirs}`, null],
        [null, null],
      ],
      [[null, theirs]],
    ]);
    expect(await ask('/v1/chat/completions', { authorization: `Bearer ${theirs}`, 'x-api-key': 'wrong' })).toBe(401);
  });

  it('is shown by the upstream that serves it, and what the config names by us', async () => {
    const { url } = await serve(`models:
  mine: { provider: openai, model: wire, url: "${first.origin}/v1", apiKey: "sk-a0000000" }
passthrough:
  openai: { url: "${second.origin}/v1", apiKey: "sk-b0000000" }
keys:
  - { name: all, key: all-secret, passthrough: true }
  - { name: few, key: few-secret, passthrough: true, models: [mine] }
`);
    const shown = async (name: string, key: string) => {
      const before = second.seen.length;
      const answer = await fetch(`${url}/v1/models/${name}`, { headers: { authorization: `Bearer ${key}-secret` } });
      await answer.text();
      return [answer.status === 404 ? 404 : 200, second.seen.slice(before).map(({ target }) => target)];
    };
    expect(await shown('mine', 'all')).toEqual([200, []]);
    expect((await shown('gpt-of-next-year', 'all'))[1]).toEqual(['/v1/models/gpt-of-next-year']);
    expect(await shown('gpt-of-next-year', 'few')).toEqual([404, []]);
    expect(await shown('task/nope', 'all')).toEqual([404, []]);
  });

  it('is 404 where nobody serves it', async () => {
    const { openai, anthropic } = await serve(
      `models:\n  a: { provider: openai, url: "${first.origin}/v1", apiKey: "sk-a0000000" }\n  b: { provider: openai, url: "${second.origin}/v1", apiKey: "sk-b0000000" }\n`,
    );
    expect(await errorOf(openai.chat.completions.create({ model: 'any', messages }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    // Two upstreams: a file belongs to neither.
    expect(await errorOf(openai.files.retrieve('file-1'))).toMatchObject({ status: 404 });
    expect(await errorOf(anthropic.messages.create({ model: 'any', max_tokens: 9, messages }))).toMatchObject({
      status: 404,
      type: 'not_found_error',
    });
    expect([...first.seen, ...second.seen]).toEqual([]);
  });
});

describe('a model of the config without a key', () => {
  it("is asked without one: no client's credential goes to it", async () => {
    const { openai } = await serve(`models:\n  local: { provider: vllm, url: "${first.origin}/v1" }\n`);
    await openai.chat.completions.create({ model: 'local', messages });
    expect(credentials(first)).toEqual([[null, null]]);
  });
});

describe('a gateway without a config', () => {
  it('listens, says that it is ready, and knows no admin token to leak', async () => {
    const { url } = await serve(null);
    const answers = await Promise.all(['/healthz', '/readyz', '/openapi.json', '/metrics'].map((path) => fetch(url + path)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
  });
});
