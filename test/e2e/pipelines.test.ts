import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CascadeWorld, openCascadeWorld } from '../support/cascade-world.ts';
import { pairsKept } from '../support/life-world.ts';
import { OpenAiClient } from '../support/openai-sdk.ts';
import { type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let world: CascadeWorld;

const KEYS = `keys:
  - { name: all, key: sf-all-key-of-a-client }
  - { name: sorter, key: sf-sorter-key-of-a-client, tasks: [classify] }
  - { name: writer, key: sf-writer-key-of-a-client, tasks: [classify, reply, polish] }
  - { name: cheap, key: sf-cheap-key-of-a-client, models: [small] }
  - { name: both, key: sf-both-key-of-a-client, models: [small, big] }
  - { name: poor, key: sf-poor-key-of-a-client, budget: { day: 0.000001 } }
  - { name: capped, key: sf-capped-key-of-a-client, caps: { costUsd: 0.00005 } }
`;

const yamlOf = (origin: string, more = '', life = '') => `
models:
  small: { provider: openai, tier: small, model: tiny, url: "${origin}/v1", apiKey: k, price: { input: 1, output: 2 } }
  big: { provider: openai, model: huge, url: "${origin}/v1", apiKey: k, price: { input: 10, output: 20 } }
tasks:
  classify: { output: { kind: label, labels: [billing, refund] }, ladder: [small, big]${life} }
  reply: { output: { kind: text }, ladder: [small], parameters: { maxTokens: 50 } }
  polish: { output: { kind: text }, ladder: [big], parameters: { maxTokens: 50 } }
pipelines:
  support:
    steps:
      - { step: classify, task: classify }
      - { step: draft, task: reply, input: "{{ classify.label }}: {{ input.text }}" }
      - { step: polish, task: polish, input: "{{ draft.output }}", when: request.customerFacing == true, purpose: polish }
  none:
    steps:
      - { step: draft, task: reply, when: request.go == true }
${more}`;

const open = async (more = '', life = '') => {
  world = await openCascadeWorld(yamlOf(upstream.origin, more, life));
};

beforeEach(async () => {
  upstream = await startScriptedUpstream();
  upstream.script('tiny', (body) => ({ tokens: isLabel(body) ? [{ text: 'billing' }] : [{ text: 'Dear ' }, { text: 'you' }] }));
  upstream.script('huge', (body) => ({ tokens: isLabel(body) ? [{ text: 'billing' }] : [{ text: 'Dear ' }, { text: 'customer' }] }));
});
afterEach(async () => {
  await world.remove();
  await upstream.close();
});

/** Replies are asked for with a limit of their own. */
const isLabel = (body: Readonly<Record<string, unknown>>) => body.max_tokens !== 50 && body.max_completion_tokens !== 50;

const run = (body: object, headers: Record<string, string> = {}) => world.post('/v1/pipelines/support', body, { headers });
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const text = 'charged twice';

interface Told {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function eventsOf(stream: string): readonly Told[] {
  return stream.split('\n\n').flatMap((frame) => {
    const event = /^event: (.*)$/m.exec(frame)?.[1];
    const data = /^data: (.*)$/m.exec(frame)?.[1];
    return event === undefined || data === undefined ? [] : [{ event, data: JSON.parse(data) as Told['data'] }];
  });
}

describe('POST /v1/pipelines/NAME', () => {
  it('answers the row of the run, with its totals in headers and every call booked to the one request', async () => {
    await open();
    const answer = await run({ input: { text }, request: { customerFacing: true } });
    const row = (await answer.json()) as Record<string, unknown>;
    const id = answer.headers.get('x-smallfirst-request-id');
    const step = { confidence: null, costUsd: 0.00024 };
    expect(row).toEqual({
      id,
      steps: {
        classify: { output: 'billing', label: 'billing', model: 'big', tier: 'frontier', decision: 'ceiling', ...step, costUsd: 0.00022 },
        draft: { output: 'Dear you', model: 'small', tier: 'small', decision: 'ceiling', ...step, costUsd: 0.000024 },
        polish: { output: 'Dear customer', model: 'big', tier: 'frontier', decision: 'ceiling', ...step },
      },
      output: 'Dear customer',
      costUsd: 0.000484,
    });
    expect(Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('x-smallfirst')))).toEqual({
      'x-smallfirst-request-id': id,
      'x-smallfirst-pipeline': 'support',
      'x-smallfirst-calls': '3',
      'x-smallfirst-escalated': '0',
      'x-smallfirst-model': 'big',
      'x-smallfirst-tier': 'frontier',
      'x-smallfirst-decision': 'ceiling',
      'x-smallfirst-cost-usd': '0.000484000',
    });
    const metrics = await (await fetch(`${world.url}/metrics`)).text();
    expect(metrics).toContain('smallfirst_pipeline_steps_total{pipeline="support",step="polish",outcome="answered"} 1');
    const rows = await world.rows();
    expect(rows.map((one) => [one.requestId, one.pipeline, one.step, one.task, one.model, one.purpose])).toEqual([
      [id, 'support', 'classify', 'classify', 'big', 'answer'],
      [id, 'support', 'draft', 'reply', 'small', 'answer'],
      [id, 'support', 'polish', 'polish', 'big', 'polish'],
    ]);
  });

  it('streams the steps, the words that are sure to be the answer, and the row', async () => {
    await open();
    const told = eventsOf(await (await run({ input: { text }, request: { customerFacing: false }, stream: true })).text());
    expect(told.map(({ event, data }) => [event, data.step ?? data.output, data.text])).toEqual([
      ['step.started', 'classify', undefined],
      ['step.ended', 'classify', undefined],
      ['step.started', 'draft', undefined],
      ['text', 'draft', 'Dear '],
      ['text', 'draft', 'you'],
      ['step.ended', 'draft', undefined],
      ['step.skipped', 'polish', undefined],
      ['run.ended', 'Dear you', undefined],
    ]);
    expect(told[1]?.data.record).toMatchObject({ output: 'billing', model: 'big', costUsd: 0.00022 });
    expect(told.at(-1)?.data).toMatchObject({ skipped: ['polish'], costUsd: 0.000244 });
  });

  it('refuses what it does not know and what is no run, in the envelope of its clients', async () => {
    await open();
    const refusals = [
      await world.post('/v1/pipelines/nope', { input: { text } }),
      await run({ input: text }),
      await run({ input: { text }, reqest: {} }),
      await run({ input: { body: text } }),
      await world.post('/v1/pipelines/support', '{'),
      await world.post('/v1/pipelines', { input: { text } }),
    ];
    const told = await Promise.all(
      refusals.map(async (one) => [one.status, ((await one.json()) as { error: { message: string } }).error.message]),
    );
    expect(told).toEqual([
      [404, 'There is no pipeline "nope".'],
      [400, expect.stringContaining('input: ')],
      [400, expect.stringContaining('reqest')],
      [400, expect.stringContaining('lacks "text"')],
      [400, 'The body is not valid JSON.'],
      [404, expect.stringContaining('Nothing is served')],
    ]);
    expect(upstream.calls).toEqual([]);
  });

  it('tells a failure in the stream and looks cut, and with a status of its own where nothing was said', async () => {
    await open();
    upstream.script('tiny', { tokens: [], status: 500 });
    const plain = await run({ input: { text } });
    expect(plain.status).toBe(500);
    const streamed = await run({ input: { text }, stream: true });
    const reader = streamed.body?.getReader();
    let said = '';
    const end = await (async () => {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done) return 'whole';
        said += Buffer.from(value ?? []).toString();
      }
    })().catch(() => 'cut');
    expect([end, eventsOf(said).map(({ event }) => event)]).toEqual(['cut', ['step.started', 'step.ended', 'step.started', 'error']]);
  }, 20_000);

  it('reaches the step under way when its client goes, and when its time is over', async () => {
    await open();
    upstream.script('tiny', { tokens: [{ text: 'Dear', wait: new Promise(() => {}) }] });
    const gone = new AbortController();
    const asked = world.post('/v1/pipelines/support', { input: { text } }, { signal: gone.signal }).catch(() => 'gone');
    const draft = await upstream.call(1);
    gone.abort();
    expect([await asked, await draft.over]).toEqual(['gone', 'gone']);
    const late = await run({ input: { text } }, { 'x-stainless-timeout': '1' });
    expect(late.status).toBe(504);
    expect(await (await upstream.call(3)).over).toBe('gone');
    const rows = await world.rows();
    expect(rows.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
      'classify accepted',
      'draft aborted',
      'classify accepted',
      'draft failed',
    ]);
  });
});

describe('a key', () => {
  it('runs what all of its tasks or models allow, and sees no other pipeline', async () => {
    await open(KEYS);
    const status = async (key: string) => (await run({ input: { text }, request: {} }, bearer(key))).status;
    expect([
      await status('sf-all-key-of-a-client'),
      await status('sf-sorter-key-of-a-client'),
      await status('sf-writer-key-of-a-client'),
      await status('sf-cheap-key-of-a-client'),
      await status('sf-both-key-of-a-client'),
    ]).toEqual([200, 403, 200, 403, 200]);
    const listed = async (key: string, path: string) =>
      ((await (await fetch(`${world.url}${path}`, { headers: bearer(key) })).json()) as { data: { id: string }[] }).data.map(
        ({ id }) => id,
      );
    expect(await listed('sf-sorter-key-of-a-client', '/v1/pipelines')).toEqual([]);
    expect(await listed('sf-cheap-key-of-a-client', '/v1/pipelines')).toEqual(['none']);
    expect(await listed('sf-all-key-of-a-client', '/v1/models')).toEqual([
      'small',
      'big',
      'task/classify',
      'task/reply',
      'task/polish',
      'pipeline/support',
      'pipeline/none',
    ]);
    const alias = await world.post(
      '/v1/chat/completions',
      { model: 'pipeline/support', messages: [{ role: 'user', content: text }] },
      { headers: bearer('sf-sorter-key-of-a-client') },
    );
    expect(alias.status).toBe(403);
  });

  it('pays for every step: nothing is asked where its budget has no room, and a cap on one request ends a run', async () => {
    await open(KEYS);
    const refused = await run({ input: { text } }, bearer('sf-poor-key-of-a-client'));
    expect([refused.status, ((await refused.json()) as { error: { message: string } }).error.message]).toEqual([
      429,
      expect.stringContaining('The key "poor" has'),
    ]);
    expect(upstream.calls).toEqual([]);
    const capped = await run({ input: { text } }, bearer('sf-capped-key-of-a-client'));
    expect([capped.status, upstream.calls.length]).toEqual([429, 0]);
  });

  it('is charged what its run cost, a task’s budget with it', async () => {
    await open(
      `keys: [{ name: all, key: sf-all-key-of-a-client, budget: { day: 1 } }]\nadmin: { token: admin-token-admin-token-1234 }\nbudgets: { tasks: { reply: { day: 1 } } }\n`,
    );
    expect((await run({ input: { text }, request: { customerFacing: true } }, bearer('sf-all-key-of-a-client'))).status).toBe(200);
    const { budgets } = (await (await fetch(`${world.url}/admin/budgets`, { headers: bearer('admin-token-admin-token-1234') })).json()) as {
      budgets: { scope: string; spentUsd: number; reservedUsd: number }[];
    };
    expect(budgets.map(({ scope, spentUsd, reservedUsd }) => [scope, spentUsd, reservedUsd])).toEqual([
      ['key', 0.000484, 0],
      ['task', 0.000024, 0],
    ]);
  });
});

describe('pipeline/NAME as a model', () => {
  const client = () => new OpenAiClient({ apiKey: 'none', baseURL: `${world.url}/v1`, maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: text }];

  it('answers OpenAI’s client plain and streamed, with what `smallfirst.request` says', async () => {
    await open();
    const own = { smallfirst: { request: { customerFacing: true } } };
    const plain = await client().chat.completions.create({ model: 'pipeline/support', messages, ...own });
    expect([plain.model, plain.choices[0]?.message.content, plain.choices[0]?.finish_reason, plain.usage]).toMatchObject([
      'pipeline/support',
      'Dear customer',
      'stop',
      { prompt_tokens: 60, completion_tokens: 5 },
    ]);
    const stream = await client().chat.completions.create({
      model: 'pipeline/support',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const words: string[] = [];
    let used: unknown = null;
    for await (const chunk of stream) {
      const said = chunk.choices[0]?.delta.content ?? '';
      if (said !== '') words.push(said);
      used = chunk.usage ?? used;
    }
    // Without customerFacing the condition cannot be told, so the polish runs, and its words are the answer.
    expect([words, used]).toMatchObject([['Dear ', 'customer'], { completion_tokens: 5 }]);
    const draft = upstream.calls.findLast(({ body }) => JSON.stringify(body).includes('billing: '));
    expect(JSON.stringify(draft?.body)).toContain('billing: charged twice');
  });

  it('is asked in the other protocols too, whole where every step was skipped', async () => {
    await open();
    const said = await world.post(
      '/v1/messages',
      { model: 'pipeline/support', max_tokens: 9, messages, smallfirst: { request: { customerFacing: false } } },
      { headers: { 'anthropic-version': '2023-06-01' } },
    );
    expect([said.status, said.headers.get('x-smallfirst-cost-usd'), await said.json()]).toMatchObject([
      200,
      '0.000244000',
      { content: [{ type: 'text', text: 'Dear you' }] },
    ]);
    const response = await world.post('/v1/responses', {
      model: 'pipeline/support',
      input: text,
      smallfirst: { request: { customerFacing: false } },
    });
    expect(JSON.stringify(await response.json())).toContain('Dear you');
    for (const [path, body, end] of [
      ['/v1/messages', { max_tokens: 9, messages }, 'event: message_stop'],
      ['/v1/responses', { input: text }, 'event: response.completed'],
    ] as const) {
      const own = { smallfirst: { request: { customerFacing: false } } };
      const streamed = await (await world.post(path, { model: 'pipeline/support', stream: true, ...body, ...own })).text();
      expect([streamed.includes('"Dear "'), streamed.includes('"you"'), streamed.includes(end)]).toEqual([true, true, true]);
      expect(streamed).toContain('x-smallfirst-cost-usd: 0.000244000');
    }
    for (const stream of [false, true]) {
      const none = await world.post('/v1/chat/completions', {
        model: 'pipeline/none',
        messages,
        stream,
        smallfirst: { request: { go: false } },
      });
      expect([none.status, none.headers.get('x-smallfirst-decision')]).toEqual([200, 'skipped']);
      expect(await none.text()).toContain('"finish_reason":"stop"');
    }
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }];
    expect((await world.post('/v1/chat/completions', { model: 'pipeline/support', messages, tools })).status).toBe(400);
    expect((await world.post('/v1/embeddings', { model: 'pipeline/support', input: text })).status).toBe(501);
    expect((await world.post('/v1/chat/completions', { model: 'pipeline/nope', messages })).status).toBe(404);
  });
});

describe('a task of a pipeline in traffic', () => {
  it('has the answers of its steps audited, and asks the candidates beside its ceiling', async () => {
    await open('', ', canary: false, audit: { share: 1 }');
    await world.certify({ task: 'classify' });
    const first = (await (await run({ input: { text }, request: { customerFacing: false } })).json()) as { id: string; steps: object };
    expect(first.steps).toMatchObject({ classify: { model: 'small', decision: 'certified' } });
    await pairsKept(world, 'classify', 'audit', 1);
    const { pairs, rows } = await world.record();
    expect(pairs.map(({ requestId, drawn, input, smallQuality }) => [requestId, drawn, input, smallQuality])).toEqual([
      [first.id, 'audit', null, 1],
    ]);
    expect(pairs[0]?.id).not.toBe(first.id);
    expect(rows.map(({ requestId, model, purpose }) => [requestId === first.id, model, purpose])).toEqual([
      [true, 'small', 'answer'],
      [true, 'small', 'answer'],
      [true, 'big', 'audit'],
    ]);
  });

  it('keeps a step’s own prompt and answer where bodies are kept', async () => {
    await open('capture: { mode: full }\n', ', mode: shadow, shadow: { share: 1, candidates: [small] }');
    const { id } = (await (await run({ input: { text }, request: { customerFacing: false } })).json()) as { id: string };
    await pairsKept(world, 'classify', 'shadow', 1);
    const { pairs, rows } = await world.record();
    expect(pairs.map(({ requestId, drawn, input }) => [requestId, drawn, input?.includes(text)])).toEqual([[id, 'uniform', true]]);
    expect(new Set(rows.map(({ bodyHash }) => bodyHash)).size).toBe(2);
  });
});
