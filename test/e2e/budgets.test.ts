import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream/index.ts';
import { type ServedGateway, serveHere, serveProcess } from '../support/serve.ts';

const ADMIN = 'an-admin-token-that-is-long';
let upstream: FakeUpstream;
let gateway: ServedGateway | null = null;

beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => upstream.reset());
afterEach(async () => {
  await gateway?.remove();
  gateway = null;
});

// A dollar for a thousand output tokens, and nothing to speak of for input.
const PRICE = '{ input: 0.001, output: 1000 }';

function config(parts: string): string {
  return `models:
  gpt: { provider: openai, model: x, url: ${upstream.origin}/v1, apiKey: sk-upstream, price: ${PRICE} }
  claude: { provider: anthropic, model: c, url: ${upstream.origin}, apiKey: sk-upstream, price: ${PRICE} }
  mystery: { provider: vllm, model: no-such-model, url: ${upstream.origin}/v1 }
admin: { token: ${ADMIN} }
${parts}`;
}

async function served(parts: string, dataDir?: string): Promise<ServedGateway> {
  gateway = await serveHere({ config: config(parts), ...(dataDir === undefined ? {} : { dataDir }) });
  return gateway;
}

function ask(at: ServedGateway, body: object, headers: Record<string, string> = {}, path = '/v1/chat/completions'): Promise<Response> {
  return fetch(at.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer the-clients-key', ...headers },
    body: JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: 'hi' }], ...body }),
  });
}

async function admin<T>(at: ServedGateway, path: string): Promise<T> {
  const response = await fetch(at.url + path, { headers: { authorization: `Bearer ${ADMIN}` } });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

interface Budgets {
  readonly budgets: readonly { readonly scope: string; readonly window: string; readonly spentUsd: number; readonly reservedUsd: number }[];
}

const spentOf = async (at: ServedGateway) => (await admin<Budgets>(at, '/admin/budgets')).budgets.map((budget) => budget.spentUsd);

describe('a budget', () => {
  it('lets one of fifty parallel requests pass when it has room for one', async () => {
    const at = await served('keys: [{ name: app, key: the-clients-key, budget: { day: 0.15 } }]');
    // The answer uses all that was held, so that there is no room after it either.
    const usage = { prompt_tokens: 9, completion_tokens: 100, total_tokens: 109 };
    upstream.always({
      kind: 'rewrite',
      rewrite: (reply) => ('json' in reply.body ? { ...reply, body: { json: { ...(reply.body.json as object), usage } } } : reply),
    });
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(at, { max_tokens: 100 })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 49 }, () => 429)]);
    expect(upstream.seen).toHaveLength(1);
    await Promise.all(answers.map((answer) => answer.text()));
  });

  it('lets one pass on streams of the other protocol too, and holds across keys for a team', async () => {
    const at = await served(`keys:
  - { name: a, key: the-clients-key, team: care }
  - { name: b, key: another-clients-key, team: care }
budgets: { teams: { care: { month: 0.15 } } }`);
    // The one that passes is not answered, and holds its money until the others have been refused.
    upstream.always({ kind: 'silent' });
    const leaving = new AbortController();
    const refusals: number[] = [];
    const requests = Array.from({ length: 50 }, async (_, i) => {
      const response = await fetch(`${at.url}/v1/messages`, {
        method: 'POST',
        headers: { 'x-api-key': i % 2 === 0 ? 'the-clients-key' : 'another-clients-key', 'anthropic-version': '2023-06-01' },
        body: JSON.stringify({ model: 'claude', max_tokens: 100, stream: true, messages: [{ role: 'user', content: 'hi' }] }),
        signal: leaving.signal,
      });
      refusals.push(response.status);
      await response.text();
    });
    await expect.poll(() => refusals.length).toBe(49);
    expect(new Set(refusals)).toEqual(new Set([429]));
    expect(upstream.seen).toHaveLength(1);
    leaving.abort();
    const outcomes = await Promise.allSettled(requests);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  });

  it('holds for a task, whoever asks, and for every model of its ladder together', async () => {
    const at =
      await served(`tasks: { classify: { output: { kind: text }, ladder: [gpt, claude], threshold: 0.5, signal: valid, parameters: { maxTokens: 60 } } }
budgets: { tasks: { classify: { day: 0.13 } } }`);
    const named = (body: object) => ask(at, body, { 'x-smallfirst-task': 'classify' });
    // Two models at sixty tokens each are held for one request; a hundred tokens each have no room.
    expect((await named({ max_tokens: 100 })).status).toBe(429);
    expect((await named({})).status).toBe(200);
    expect((await ask(at, { max_tokens: 1000 })).status).toBe(200);
    expect((await spentOf(at))[0]).toBeGreaterThan(0);
  });

  it('is remembered by the next process', async () => {
    const keys = 'keys: [{ name: app, key: the-clients-key, budget: { day: 1, month: 5 } }]';
    const first = await serveHere({ config: config(keys) });
    try {
      await (await ask(first, { max_tokens: 100 })).text();
      const before = await spentOf(first);
      expect(before[0]).toBeGreaterThan(0);
      await first.stop();
      const second = await served(keys, first.dataDir);
      expect(await spentOf(second)).toEqual(before);
    } finally {
      await gateway?.stop();
      await first.remove();
    }
  });

  it('is remembered after kill -9 too, with what had not reached the store', async () => {
    const keys = 'keys: [{ name: app, key: the-clients-key, budget: { day: 1 } }]';
    const first = await serveProcess({ config: config(keys) });
    try {
      for (let i = 0; i < 3; i += 1) await (await ask(first, { max_tokens: 100 })).text();
      const before = await spentOf(first);
      await first.kill('SIGKILL');
      const second = await served(keys, first.dataDir);
      expect(before[0]).toBeGreaterThan(0);
      expect(await spentOf(second)).toEqual(before);
    } finally {
      await gateway?.stop();
      await first.remove();
    }
  });

  it('sets a missing output limit upstream, and leaves every other byte alone', async () => {
    const at = await served(`keys:
  - { name: app, key: the-clients-key, budget: { day: 50 } }
  - { name: small, key: the-small-key, budget: { day: 50 }, caps: { outputTokens: 77 } }
  - { name: free, key: the-free-key }`);
    await (await ask(at, {})).text();
    await (await ask(at, { max_tokens: 5 })).text();
    await (await ask(at, {}, { authorization: 'Bearer the-small-key' })).text();
    await (await ask(at, {}, { authorization: 'Bearer the-free-key' })).text();
    const messages = '"messages":[{"role":"user","content":"hi"}]}';
    expect(upstream.seen.map(({ bytes }) => bytes.toString())).toEqual([
      `{"max_completion_tokens":4096,"model":"x",${messages}`,
      `{"model":"x",${messages.slice(0, -1)},"max_tokens":5}`,
      `{"max_completion_tokens":77,"model":"x",${messages}`,
      `{"model":"x",${messages}`,
    ]);
  });

  it('counts what an answer cost that its client did not wait for', async () => {
    const at = await served('keys: [{ name: app, key: the-clients-key, budget: { day: 50 } }]');
    upstream.always({ kind: 'endless' });
    const leaving = new AbortController();
    const response = await fetch(`${at.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer the-clients-key' },
      body: JSON.stringify({ model: 'gpt', stream: true, max_tokens: 1000, messages: [{ role: 'user', content: 'go on and on' }] }),
      signal: leaving.signal,
    });
    const reader = response.body?.getReader();
    for (let i = 0; i < 5; i += 1) await reader?.read();
    leaving.abort();
    expect(await (await upstream.request(0)).over).toBe('gone');
    await expect.poll(() => spentOf(at)).not.toEqual([0]);
    const { budgets } = await admin<Budgets>(at, '/admin/budgets');
    expect(budgets[0]?.reservedUsd).toBe(0);
  });

  it('books the worst case for an answer that says nothing of its usage', async () => {
    const at = await served('keys: [{ name: app, key: the-clients-key, budget: { day: 50 } }]');
    upstream.always({
      kind: 'rewrite',
      rewrite: (reply) =>
        'json' in reply.body ? { ...reply, body: { json: { ...(reply.body.json as object), usage: undefined } } } : reply,
    });
    await (await ask(at, { max_tokens: 100 })).text();
    await expect.poll(async () => (await spentOf(at))[0]).toBeGreaterThan(0);
  });

  it('counts the calls of tools of an answer that says nothing of its usage, for clients of the other protocol too', async () => {
    const at = await served('keys: [{ name: app, key: the-clients-key, budget: { day: 50 } }]');
    upstream.always({
      kind: 'rewrite',
      rewrite: (reply) =>
        'frames' in reply.body ? { ...reply, body: { frames: reply.body.frames.filter((frame) => !frame.includes('"usage":{')) } } : reply,
    });
    const parameters = { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } };
    const tools = [{ name: 'weather', input_schema: parameters }];
    const answer = await ask(at, { max_tokens: 100, tools }, {}, '/v1/messages');
    const told = (await answer.json()) as { content: { type: string }[]; usage: { output_tokens: number } };
    expect(told.content.map(({ type }) => type)).toEqual(['tool_use']);
    // A dollar for a thousand output tokens: what was booked is what was told, and a call of a tool is several tokens.
    expect(told.usage.output_tokens).toBeGreaterThan(5);
    await expect.poll(async () => (await spentOf(at))[0]).toBeCloseTo(told.usage.output_tokens / 1000, 5);
  });

  it('gives back what a failed request had held', async () => {
    const at = await served('keys: [{ name: app, key: the-clients-key, budget: { day: 0.15 } }]');
    upstream.next({ kind: 'status', status: 400, body: '{"error":{"message":"no","type":"invalid_request_error"}}' });
    expect((await ask(at, { max_tokens: 100 })).status).toBe(400);
    expect((await ask(at, { max_tokens: 100 })).status).toBe(200);
  });

  it('refuses in the envelope of the client, before anything goes upstream', async () => {
    const at = await served('keys: [{ name: app, key: the-clients-key, budget: { day: 0 } }]');
    const chat = await ask(at, {});
    expect(chat.status).toBe(429);
    expect(chat.headers.get('x-should-retry')).toBe('false');
    expect(Number(chat.headers.get('retry-after'))).toBeLessThanOrEqual(86_400);
    expect(chat.headers.get('anthropic-ratelimit-unified-status')).toBeNull();
    expect(await chat.json()).toMatchObject({ error: { type: 'insufficient_quota', code: 'insufficient_quota' } });
    const messages = await ask(at, { model: 'claude', max_tokens: 1 }, {}, '/v1/messages');
    expect(messages.status).toBe(429);
    expect(messages.headers.get('x-should-retry')).toBe('false');
    expect(messages.headers.get('anthropic-ratelimit-unified-status')).toBe('rejected');
    expect(await messages.json()).toMatchObject({
      type: 'error',
      error: {
        type: 'billing_error',
        message: expect.stringMatching(/^The key "app" has spent its daily budget of \$0; wait until it resets at \S+T00:00Z, or ask /),
      },
    });
    expect(upstream.seen).toEqual([]);
  });

  it('replaces the limits of the upstream account by its own', async () => {
    const at = await served(`keys:
  - { name: app, key: the-clients-key, budget: { day: 50 } }
  - { name: free, key: the-free-key }`);
    const limited = await ask(at, { model: 'claude', max_tokens: 10 }, {}, '/v1/messages');
    expect(limited.headers.get('anthropic-ratelimit-requests-remaining')).toBeNull();
    expect(limited.headers.get('anthropic-ratelimit-unified-status')).toBe('allowed');
    const free = await ask(at, { model: 'claude', max_tokens: 10 }, { authorization: 'Bearer the-free-key' }, '/v1/messages');
    expect(free.headers.get('anthropic-ratelimit-requests-remaining')).toBe('999');
    expect(free.headers.get('anthropic-ratelimit-unified-status')).toBeNull();
  });

  it('keeps the limits of the upstream account out of errors too, and claims nothing of its own there', async () => {
    const at = await served(`keys:
  - { name: app, key: the-clients-key, budget: { day: 50 } }
  - { name: free, key: the-free-key }`);
    const headers = { 'anthropic-ratelimit-unified-status': 'rejected', 'anthropic-ratelimit-requests-remaining': '0', 'retry-after': '0' };
    const json = JSON.stringify({ type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } });
    const heard = async (body: string, authorization: string) => {
      upstream.always({ kind: 'status', status: 429, headers, body });
      const answer = await ask(at, { model: 'claude', max_tokens: 10 }, { authorization }, '/v1/messages');
      const named = ['anthropic-ratelimit-unified-status', 'anthropic-ratelimit-requests-remaining', 'retry-after'];
      return [answer.status, ...named.map((name) => answer.headers.get(name))];
    };
    expect(await heard(json, 'Bearer the-clients-key')).toEqual([429, null, null, '0']);
    expect(await heard('<html>slow down</html>', 'Bearer the-clients-key')).toEqual([429, null, null, '0']);
    expect(await heard(json, 'Bearer the-free-key')).toEqual([429, 'rejected', '0', '0']);
    expect(await heard('<html>slow down</html>', 'Bearer the-free-key')).toEqual([429, 'rejected', '0', '0']);
  });

  it('refuses a model without a price rather than guess', async () => {
    const at = await served('keys: [{ name: app, key: the-clients-key, budget: { day: 5 } }]');
    const response = await ask(at, { model: 'mystery' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('has no known price') } });
    expect(upstream.seen).toEqual([]);
  });
});

describe('caps and scopes of a key', () => {
  it('refuse too much input with 413, too much output and cost with 400', async () => {
    const at = await served(`keys:
  - { name: in, key: key-of-input, caps: { inputTokens: 50 } }
  - { name: out, key: key-of-output, caps: { outputTokens: 50 } }
  - { name: cost, key: key-of-cost, caps: { costUsd: 0.01 } }`);
    const as = (key: string) => ({ authorization: `Bearer ${key}` });
    const long = { messages: [{ role: 'user', content: 'word '.repeat(500) }] };
    expect((await ask(at, long, as('key-of-input'))).status).toBe(413);
    expect((await ask(at, {}, as('key-of-input'))).status).toBe(200);
    expect((await ask(at, { max_tokens: 51 }, as('key-of-output'))).status).toBe(400);
    expect((await ask(at, { max_tokens: 50 }, as('key-of-output'))).status).toBe(200);
    expect((await ask(at, { max_tokens: 11 }, as('key-of-cost'))).status).toBe(400);
    expect((await ask(at, { max_tokens: 9 }, as('key-of-cost'))).status).toBe(200);
  });

  it('refuse what the key is not for', async () => {
    const at = await served(`keys:
  - { name: one, key: key-of-one-model, models: [claude] }
  - { name: task, key: key-of-one-task, tasks: [classify] }
tasks:
  classify: { output: { kind: text }, ladder: [gpt] }
  other: { output: { kind: text }, ladder: [gpt] }`);
    expect((await ask(at, {}, { authorization: 'Bearer key-of-one-model' })).status).toBe(404);
    const denied = await ask(at, {}, { authorization: 'Bearer key-of-one-task' });
    expect(denied.status).toBe(403);
    expect(await denied.json()).toMatchObject({
      error: { type: 'permission_error', message: expect.stringContaining('The key "task" does not allow') },
    });
    const named = (task: string) => ask(at, {}, { authorization: 'Bearer key-of-one-task', 'x-smallfirst-task': task });
    expect((await named('classify')).status).toBe(200);
    expect((await named('other')).status).toBe(403);
  });
});
