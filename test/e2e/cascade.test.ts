import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SseParser } from '../../src/providers/sse/index.ts';
import { type CascadeWorld, certificateFor, openCascadeWorld } from '../support/cascade-world.ts';
import { type ModelScript, type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;

/** Certificates route from the first request on, and nobody is asked beside the answer. */
const unwatched = 'canary: false, audit: { share: 0 }';

const yamlOf = (origin: string) => `
models:
  small: { provider: openai, model: tiny, url: "${origin}/v1", apiKey: k-small, price: { input: 1, output: 2 } }
  frontier: { provider: anthropic, model: huge, url: "${origin}", apiKey: k-big, price: { input: 10, output: 20 } }
  chatty: { provider: openai, model: chatty, url: "${origin}/v1", apiKey: k-chat, price: { input: 10, output: 20 } }
tasks:
  classify: { output: { kind: label, labels: [billing, refund] }, ladder: [small, frontier], ${unwatched} }
  draft: { output: { kind: text }, ladder: [small, frontier], metric: contains, ${unwatched} }
  relayed: { output: { kind: text }, ladder: [small, chatty], metric: contains, ${unwatched} }
`;

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  world = await openCascadeWorld(yamlOf(upstream.origin));
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

const say = (...texts: readonly string[]): ModelScript => ({ tokens: texts.map((text) => ({ text })) });
const messages = [{ role: 'user', content: 'Where is my money?' }];
const label = (text: string, logprob = -0.01): ModelScript => ({ tokens: [{ text, logprob }] });

interface Told {
  readonly status: number;
  readonly headers: Headers;
  /** Of the answer, or of the error. */
  readonly text: string;
  readonly raw: string;
}

const protocols = {
  openai: { path: '/v1/chat/completions', body: { max_tokens: 50 } },
  anthropic: { path: '/v1/messages', body: { max_tokens: 50 } },
} as const;
type Name = keyof typeof protocols;

async function ask(name: Name, stream: boolean, extra: object = {}, headers: Record<string, string> = {}): Promise<Told> {
  const { path, body } = protocols[name];
  const response = await world.post(path, { model: 'task/classify', messages, stream, ...body, ...extra }, { headers });
  const raw = await response.text();
  return { status: response.status, headers: response.headers, text: textOf(name, response, raw), raw };
}

function textOf(name: Name, response: Response, raw: string): string {
  if (!response.headers.get('content-type')?.includes('event-stream')) {
    const json = JSON.parse(raw);
    if (json.error) return json.error.message;
    return name === 'openai' ? json.choices[0].message.content : json.content.map((block: { text: string }) => block.text).join('');
  }
  return framesOf(raw)
    .map((frame) => (name === 'openai' ? (frame.choices?.[0]?.delta?.content ?? '') : (frame.delta?.text ?? '')))
    .join('');
}

/** Frames as a client reads them: parsed, their shape taken on trust. */
function framesOf(raw: string): ReturnType<typeof JSON.parse>[] {
  const parser = new SseParser();
  return [...parser.push(Buffer.from(raw)), ...parser.end()]
    .map(({ data }) => data)
    .filter((data) => data !== '' && data !== '[DONE]')
    .map((data) => JSON.parse(data));
}

const told = (rows: Awaited<ReturnType<CascadeWorld['rows']>>) =>
  rows.map((row) => `${row.model} ${row.purpose} ${row.outcome} ${row.decision}`);

describe.each<[Name, boolean]>([
  ['openai', false],
  ['openai', true],
  ['anthropic', false],
  ['anthropic', true],
])('a certified task, asked in the words of %s (stream: %s)', (name, stream) => {
  it('is answered by the small model when it is sure', async () => {
    await world.certify({});
    upstream.script('tiny', label('billing'));
    const answer = await ask(name, stream);
    expect([answer.status, answer.text]).toEqual([200, 'billing']);
    expect(Object.fromEntries([...answer.headers].filter(([key]) => key.startsWith('x-smallfirst') && !key.endsWith('-id')))).toEqual({
      'x-smallfirst-task': 'classify',
      'x-smallfirst-mode': 'live',
      'x-smallfirst-model': 'small',
      'x-smallfirst-tier': 'small',
      'x-smallfirst-decision': 'certified',
      'x-smallfirst-confidence': '0.990050',
      ...(stream ? {} : { 'x-smallfirst-cost-usd': '0.000022000' }),
    });
    if (stream) expect(answer.raw).toContain(': x-smallfirst-cost-usd: 0.000022000\n\n');
    expect(answer.raw).not.toContain('logprob":-');
    expect(upstream.calls.map(({ model, body }) => [model, body.logprobs, body.top_logprobs])).toEqual([['tiny', true, 5]]);
    expect(told(await world.rows())).toEqual(['small answer accepted certified']);
  });

  it.each<[string, ModelScript, string]>([
    ['is unsure', label('billing', -2), 'escalated low-confidence'],
    ['is invalid', label('hello'), 'invalid invalid-answer'],
    ['is truncated', { ...label('billing'), stop: 'length' }, 'truncated truncated'],
    ['is refused', { tokens: [], refusal: 'I will not' }, 'refused refused'],
    ['is cut', { ...label('billing'), cut: true }, 'escalated failed'],
    ['fails', { tokens: [], status: 400 }, 'escalated failed'],
  ])('is answered by the frontier when the small answer %s', async (_what, script, outcome) => {
    await world.certify({});
    upstream.script('tiny', script);
    upstream.script('huge', say('refund'));
    const answer = await ask(name, stream);
    expect([answer.status, answer.text]).toEqual([200, 'refund']);
    expect(answer.headers.get('x-smallfirst-model')).toBe('frontier');
    const rows = await world.rows();
    expect(told(rows)).toEqual([`small answer ${outcome}`, 'frontier escalation accepted ceiling']);
    expect(new Set(rows.map(({ requestId }) => requestId))).toEqual(new Set([answer.headers.get('x-smallfirst-request-id')]));
  });

  it('tells the usage of the answer that it gives, and the cost of all attempts', async () => {
    await world.certify({});
    upstream.script('tiny', { ...label('hello'), inputTokens: 7 });
    upstream.script('huge', { ...say('refund'), inputTokens: 30 });
    const answer = await ask(name, stream, name === 'openai' && stream ? { stream_options: { include_usage: true } } : {});
    expect(answer.raw).toMatch(name === 'openai' ? /"prompt_tokens":30/ : /"input_tokens":30/);
    // 7 × 1 + 1 × 2, and 30 × 10 + 1 × 20, in millionths of a dollar.
    expect(answer.headers.get('x-smallfirst-cost-usd') ?? answer.raw).toContain('0.000329000');
  });

  it('is answered by its ceiling alone without a certificate, and when one is void', async () => {
    upstream.script('huge', say('refund'));
    const void_ = [
      () => world.certify(),
      () => world.certify({ expiresAt: Date.now() - 1 }),
      () => world.certify({ pins: { small: 'somebody/else' } }),
      () => world.certify({ verdict: 'frontier' }),
      () => world.certify({ big: 'chatty' }),
    ];
    for (const put of void_) {
      await put();
      expect((await ask(name, stream)).text).toBe('refund');
    }
    expect(new Set(upstream.calls.map(({ model }) => model))).toEqual(new Set(['huge']));
    expect(new Set((await world.rows()).map(({ task, model, outcome }) => `${task} ${model} ${outcome}`))).toEqual(
      new Set(['classify frontier accepted']),
    );
  });

  it("tells an upstream's failure in the client's envelope, without its words", async () => {
    await world.certify({});
    upstream.script('tiny', { tokens: [], status: 401 });
    upstream.script('huge', { tokens: [], status: 403 });
    const answer = await ask(name, stream);
    expect(answer.status).toBe(403);
    expect(answer.raw).not.toContain('acct_123');
    const json = JSON.parse(answer.raw);
    expect(name === 'anthropic' ? json.type : typeof json.error.message).toBe(name === 'anthropic' ? 'error' : 'string');
    expect(told(await world.rows())).toEqual(['small answer escalated failed', 'frontier escalation failed all-failed']);
  });

  it('looks cut when the answer breaks off after its beginning', async () => {
    await world.certify({});
    upstream.script('tiny', label('hello'));
    upstream.script('huge', { ...say('half an', ' answer'), cut: true });
    if (!stream) {
      expect((await ask(name, stream)).status).toBe(502);
    } else {
      await expect(ask(name, stream)).rejects.toThrow();
    }
    expect(told(await world.rows()).at(-1)).toMatch(/^frontier escalation failed/);
  });
});

describe('a certified task, asked in the words of responses', () => {
  it.each([false, true])('is answered in them, whoever answers (stream: %s)', async (stream) => {
    await world.certify({});
    for (const [script, model] of [
      [label('billing'), 'small'],
      [label('hello'), 'frontier'],
    ] as const) {
      upstream.script('tiny', script);
      upstream.script('huge', say('billing'));
      const response = await world.post('/v1/responses', { model: 'task/classify', input: 'Where is my money?', stream });
      expect(response.headers.get('x-smallfirst-model')).toBe(model);
      const raw = await response.text();
      const last = stream ? framesOf(raw).at(-1).response : JSON.parse(raw);
      expect([last.status, last.output[0].content[0].text]).toEqual(['completed', 'billing']);
      if (stream) expect(framesOf(raw).map((frame) => frame.sequence_number)).toEqual(framesOf(raw).map((_frame, i) => i));
    }
  });
});

describe('deliberation', () => {
  it.each<Name>(['openai', 'anthropic'])('sends the head and signs of life to a client of %s while it lasts', async (name) => {
    await world.certify({});
    let go: () => void = () => undefined;
    upstream.script('tiny', { tokens: [{ text: 'billing', wait: new Promise<void>((resolve) => (go = resolve)) }] });
    const { path, body } = protocols[name];
    const response = await world.post(path, { model: 'task/classify', messages, stream: true, ...body });
    expect(response.headers.get('x-smallfirst-task')).toBe('classify');
    expect(response.headers.get('x-smallfirst-model')).toBe(null);
    go();
    const raw = await response.text();
    expect(raw.startsWith(name === 'openai' ? ': ping\n\n' : 'event: message_start\n')).toBe(true);
    expect(raw).toContain(': x-smallfirst-model: small, x-smallfirst-tier: small, x-smallfirst-decision: certified');
    expect(textOf(name, response, raw)).toBe('billing');
    expect(raw.split('message_start').length).toBe(name === 'openai' ? 1 : 3);
  });

  it.each([false, true])('ends upstream when the client goes away (stream: %s)', async (stream) => {
    await world.certify({});
    upstream.script('tiny', { tokens: [{ text: 'bill', wait: new Promise(() => {}) }] });
    const controller = new AbortController();
    const asked = world.post('/v1/chat/completions', { model: 'task/classify', messages, stream }, { signal: controller.signal });
    const call = await upstream.call(0);
    controller.abort();
    await expect(asked).rejects.toThrow();
    expect(await call.over).toBe('gone');
    const rows = await world.rows();
    expect(told(rows)).toEqual(['small answer aborted null']);
    expect(rows[0]?.usage.freshInput).toBeGreaterThan(0);
  });

  it('is over at the deadline of the client, before the client gives up', async () => {
    await world.certify({});
    upstream.script('tiny', { tokens: [{ text: 'bill', wait: new Promise(() => {}) }] });
    const answer = await ask('openai', false, {}, { 'x-stainless-timeout': '0.3' });
    expect(answer.status).toBe(504);
    expect(told(await world.rows())).toEqual(['small answer failed deadline']);
  });
});

describe('texts', () => {
  const gated = {
    task: 'draft',
    signal: 'min-logprob',
    calibrator: { kind: 'platt', input: 'value', slope: 1, intercept: 3, n: 100 },
  } as const;

  it('go out when the tokens of the gate are sure, while the model is still writing', async () => {
    await world.certify({ ...gated, gate: { tokens: 2 } });
    let go: () => void = () => undefined;
    const rest = new Promise<void>((resolve) => (go = resolve));
    upstream.script('tiny', { tokens: [{ text: 'Dear' }, { text: ' friend' }, { text: ', bye', logprob: -9, wait: rest }] });
    const response = await world.post('/v1/chat/completions', { model: 'task/draft', messages, stream: true });
    expect(response.headers.get('x-smallfirst-model')).toBe('small');
    go();
    expect(textOf('openai', response, await response.text())).toBe('Dear friend, bye');
    expect(told(await world.rows())).toEqual(['small answer accepted certified']);
  });

  it.each<[string, object]>([
    ['at the gate', { gate: { tokens: 2 } }],
    ['as soon as the bound is too low', {}],
  ])('are given up %s, and the frontier starts', async (_when, extra) => {
    await world.certify({ ...gated, ...extra });
    upstream.script('tiny', {
      tokens: [
        { text: 'Dear', logprob: -0.1 },
        { text: ' enemy', logprob: -6 },
        { text: 'never', wait: new Promise(() => {}) },
      ],
    });
    upstream.script('huge', say('Dear', ' friend'));
    const response = await world.post('/v1/chat/completions', { model: 'task/draft', messages, stream: true });
    const raw = await response.text();
    expect(textOf('openai', response, raw)).toBe('Dear friend');
    expect(await (await upstream.call(0)).over).toBe('gone');
    expect(told(await world.rows())).toEqual(['small answer escalated low-confidence', 'frontier escalation accepted ceiling']);
  });
});

describe('tasks', () => {
  it('takes the header with any model, and the alias, and refuses what is not there in the envelope of the client', async () => {
    await world.certify({});
    upstream.script('tiny', label('billing'));
    const headers = { 'x-smallfirst-task': 'classify' };
    expect((await ask('openai', false, { model: 'whatever' }, headers)).text).toBe('billing');
    const unknown = await ask('anthropic', false, { model: 'task/nope' });
    expect([unknown.status, JSON.parse(unknown.raw).type]).toEqual([404, 'error']);
    expect((await ask('openai', false, { model: 'nope' })).status).toBe(404);
  });

  it('passes the bytes on where nothing is certified and the ceiling speaks the protocol', async () => {
    upstream.script('chatty', say('hello'));
    const body = `{"model": "task/relayed", "messages":[{"role":"user","content":"hi"}],  "seed": 12345678901234567890, "x": [1 ]}`;
    const response = await world.post('/v1/chat/completions', body);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-smallfirst-task')).toBe('relayed');
    await response.text();
    expect(JSON.stringify(upstream.calls[0]?.body)).toContain('"x":[1]');
    const [row] = await world.rows();
    expect([row?.task, row?.model, row?.outcome]).toEqual(['relayed', 'chatty', 'accepted']);
    expect(row?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it('voids a certificate as soon as the small model says that it is another version', async () => {
    await world.certify({});
    upstream.script('huge', say('refund'));
    upstream.script('tiny', { ...label('billing'), served: 'tiny-v1' });
    expect((await ask('openai', false)).text).toBe('billing');
    upstream.script('tiny', { ...label('billing'), served: 'tiny-v2' });
    // Not even the answer that tells it is taken.
    expect((await ask('openai', false)).text).toBe('refund');
    expect((await ask('openai', false)).text).toBe('refund');
    expect(upstream.calls.map(({ model }) => model)).toEqual(['tiny', 'tiny', 'huge', 'huge']);
    expect(told(await world.rows()).slice(1, 3)).toEqual(['small answer escalated low-confidence', 'frontier escalation accepted ceiling']);
  });

  it.each<[Name, boolean]>([
    ['openai', false],
    ['openai', true],
    ['anthropic', true],
  ])('takes no answer of a version other than the one that a swap pins (%s, stream: %s)', async (name, stream) => {
    const { pins } = certificateFor(world.config, { task: 'draft' });
    await world.certify({
      task: 'draft',
      verdict: 'swap',
      threshold: null,
      signal: null,
      calibrator: null,
      pins: { ...pins, 'small.served': 'tiny-v1' },
    });
    upstream.script('huge', say('Dear', ' friend'));
    upstream.script('tiny', { ...say('A letter', ' of more than twenty four letters'), served: 'tiny-v2' });
    expect((await ask(name, stream, { model: 'task/draft' })).text).toBe('Dear friend');
    expect(told(await world.rows())).toEqual(['small answer escalated low-confidence', 'frontier escalation accepted ceiling']);
  });

  it('shows log-probabilities to a client that asked for them, and as many as it asked for', async () => {
    await world.certify({});
    upstream.script('tiny', label('billing', -0.05));
    const answer = await ask('openai', false, { logprobs: true, top_logprobs: 1 });
    const { logprobs } = JSON.parse(answer.raw).choices[0];
    expect(logprobs.content[0].logprob).toBe(-0.05);
    expect(logprobs.content[0].top_logprobs.length).toBe(1);
  });
});

describe('translation', () => {
  it.each([false, true])('reaches a model of the other protocol both ways (stream: %s)', async (stream) => {
    upstream.script('huge', say('Grüezi', ' 🙂'));
    upstream.script('chatty', say('Hello', ' there'));
    const one = await ask('openai', stream, { model: 'frontier' });
    const other = await ask('anthropic', stream, { model: 'chatty', system: 'Be kind.' });
    expect([one.text, other.text]).toEqual(['Grüezi 🙂', 'Hello there']);
    expect(upstream.calls.map(({ path }) => path)).toEqual(['/v1/messages', '/v1/chat/completions']);
    expect(upstream.calls[1]?.body.messages).toEqual([{ role: 'system', content: 'Be kind.' }, ...messages]);
    if (stream && other.raw) expect(framesOf(other.raw)[0].message.usage.input_tokens).toBeGreaterThan(0);
    const rows = await world.rows();
    expect(rows.map((row) => [row.task, row.model, row.outcome, row.cost])).toEqual([
      [null, 'frontier', 'accepted', 240_000],
      [null, 'chatty', 'accepted', 240_000],
    ]);
  });

  it('refuses, by name, what the other protocol cannot say, and endpoints that it does not have', async () => {
    const answer = await ask('openai', false, { model: 'frontier', n: 3 });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('which has nothing for: n.')]);
    const other = await world.post('/v1/embeddings', { model: 'frontier', input: 'x' });
    expect([other.status, other.headers.get('x-should-retry'), await other.json()]).toEqual([
      501,
      'false',
      {
        error: {
          message:
            '/v1/embeddings cannot be answered by the model "frontier": it speaks a protocol that has no embeddings. Name a model whose upstream has this endpoint.',
          type: 'invalid_request_error',
          param: null,
          code: 'not_supported',
        },
      },
    ]);
    expect(upstream.calls).toEqual([]);
  });

  it('refuses a body that is no request with its place', async () => {
    const answer = await ask('openai', false, { model: 'frontier', messages: [{ role: 'pirate', content: 'x' }] });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('messages[0].role')]);
  });
});
