import type OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allOf, bodiesOf, errorOf } from '../../support/both-ways.ts';
import { errorBody } from '../../support/fake-upstream/index.ts';
import {
  BadRequestError,
  InternalServerError,
  OpenAiClient,
  RateLimitError,
  zodResponseFormat,
  zodTextFormat,
} from '../../support/openai-sdk.ts';
import { ANSWER, abortReachesUpstream, openSdkWorld, PIXEL, type SdkWorld } from './world.ts';

let world: SdkWorld;
let openai: OpenAI;
beforeAll(async () => {
  world = await openSdkWorld();
  openai = new OpenAiClient({ baseURL: world.through.openai, apiKey: world.through.key, maxRetries: 0 });
});
afterAll(() => world?.close());
beforeEach(() => world.upstream.reset());

const City = z.object({ city: z.string(), people: z.number() });

describe('an OpenAI client that completes a text with a model behind Anthropic', () => {
  const prompt = 'Hallo, wie geht es?';

  it('gets a text completion, plain and streamed, and the upstream is asked one message', async () => {
    const plain = await openai.completions.create({ model: 'claude', prompt, max_tokens: 50, temperature: 0.5, stop: ['END'] });
    expect(plain).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      model: 'claude',
      choices: [{ index: 0, text: ANSWER, logprobs: null, finish_reason: 'stop' }],
    });
    expect(plain.usage?.total_tokens).toBe((plain.usage?.prompt_tokens ?? 0) + (plain.usage?.completion_tokens ?? 0));
    expect(plain.usage?.completion_tokens).toBeGreaterThan(0);
    expect(world.upstream.seen[0]).toMatchObject({
      target: '/v1/messages',
      json: { model: 'claude-fake', max_tokens: 50, temperature: 0.5, stop_sequences: ['END'], messages: [{ role: 'user' }] },
    });
    const ask = { model: 'claude', prompt, stream: true } as const;
    const chunks = await allOf(await openai.completions.create(ask));
    expect(chunks.flatMap(({ choices }) => choices.map(({ text }) => text)).join('')).toBe(ANSWER);
    expect(chunks.every(({ object, choices }) => object === 'text_completion' && choices.length === 1)).toBe(true);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    // As this endpoint does where a request does not say: 16 tokens.
    expect(world.upstream.seen[1]?.json).toMatchObject({ stream: true, max_tokens: 16 });
    const counted = await allOf(await openai.completions.create({ ...ask, stream_options: { include_usage: true } }));
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: plain.usage });
    expect(counted.slice(0, -1).map(({ usage }) => usage)).toEqual(Array(counted.length - 1).fill(null));
  });

  it('is refused by name what no chat can say, and asks nobody', async () => {
    const cases = [
      [{ echo: true }, 'echo'],
      [{ suffix: '.' }, 'suffix'],
      [{ best_of: 2 }, 'best_of'],
      [{ n: 2, logit_bias: { 50256: -100 } }, 'n, logit_bias'],
      [{ prompt: ['one', 'two'] }, 'prompt (several)'],
      [{ prompt: [1, 2] }, 'prompt (tokens)'],
      [{ max_tokens: 0 }, 'max_tokens (0)'],
    ] as const;
    for (const [more, named] of cases) {
      const error = await errorOf(openai.completions.create({ model: 'claude', prompt, ...more } as never));
      expect(error).toBeInstanceOf(BadRequestError);
      expect(error.message).toBe(`400 The model "claude" speaks another protocol, which has nothing for: ${named}.`);
    }
    for (const wrong of [undefined, null, 5, [], [null], [{ text: 'x' }]]) {
      expect(await errorOf(openai.completions.create({ model: 'claude', prompt: wrong } as never))).toBeInstanceOf(BadRequestError);
    }
    expect(world.upstream.seen).toEqual([]);
  });

  it('gets errors in its own envelope, and sees a cut as one', async () => {
    world.upstream.always({
      kind: 'status',
      status: 429,
      body: errorBody('anthropic', { type: 'rate_limit_error', message: 'Slow down.' }),
    });
    expect(await errorOf(openai.completions.create({ model: 'claude', prompt }))).toBeInstanceOf(RateLimitError);
    world.upstream.always({ kind: 'cut' });
    const stream = await openai.completions.create({ model: 'claude', prompt, stream: true });
    expect(await errorOf(allOf(stream))).toBeInstanceOf(Error);
  });
});

describe('an OpenAI client that names a model behind Anthropic', () => {
  const hello = [
    { role: 'system' as const, content: 'Be short.' },
    { role: 'user' as const, content: 'Hallo, wie geht es?' },
  ];
  const tool = (name: string, properties: Record<string, unknown>) => ({
    type: 'function' as const,
    function: { name, description: `The ${name}`, parameters: { type: 'object', properties, required: Object.keys(properties) } },
  });
  const tools = [tool('weather', { city: { type: 'string' }, days: { type: 'integer' } }), tool('time', { zone: { type: 'string' } })];

  it('is answered in its own protocol, and the upstream is asked in its', async () => {
    const answer = await openai.chat.completions.create({ model: 'claude', messages: hello, temperature: 0.5, stop: ['END'] });
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: ANSWER, refusal: null } }],
    });
    expect(answer.usage).toMatchObject({ prompt_tokens_details: { cached_tokens: 6 } });
    expect(answer.usage?.total_tokens).toBe((answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0));
    const [request] = world.upstream.seen;
    expect([request?.target, request?.headers['x-api-key'], request?.headers.authorization]).toEqual([
      '/v1/messages',
      'sk-upstream-b9f1c2e77a40',
      undefined,
    ]);
    expect(request?.headers['anthropic-version']).toEqual(expect.any(String));
    expect(request?.json).toMatchObject({
      model: 'claude-fake',
      max_tokens: expect.any(Number),
      temperature: 0.5,
      stop_sequences: ['END'],
    });
    expect(JSON.stringify(request?.json?.system)).toContain('Be short.');
  });

  it('streams, with usage where it asked for that and only there', async () => {
    const request = { model: 'claude', messages: hello, stream: true as const };
    const chunks = await allOf(await openai.chat.completions.create(request));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(ANSWER);
    expect(chunks.filter((chunk) => chunk.usage !== undefined && chunk.usage !== null)).toEqual([]);
    expect(chunks.every((chunk) => chunk.choices.length === 1)).toBe(true);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    const counted = await allOf(await openai.chat.completions.create({ ...request, stream_options: { include_usage: true } }));
    expect(counted.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) },
    });
  });

  it('calls tools in parallel, plain and streamed, and gives two results in one turn', async () => {
    const first = await openai.chat.completions.create({ model: 'claude', messages: hello, tools, tool_choice: 'auto' });
    const streamed = await openai.chat.completions.stream({ model: 'claude', messages: hello, tools }).finalMessage();
    const message = first.choices[0]?.message as OpenAI.ChatCompletionMessage;
    const calls = [
      { type: 'function', function: { name: 'weather', arguments: '{"city":"Zürich","days":21}' } },
      { type: 'function', function: { name: 'time', arguments: '{"zone":"Zürich"}' } },
    ];
    expect([first.choices[0]?.finish_reason, message.tool_calls]).toMatchObject(['tool_calls', calls]);
    expect(streamed.tool_calls).toMatchObject(calls);
    const results = (message.tool_calls ?? []).map((call) => ({ role: 'tool' as const, tool_call_id: call.id, content: 'sunny' }));
    world.upstream.reset();
    const second = await openai.chat.completions.create({ model: 'claude', messages: [...hello, message, ...results], tools });
    expect(second.choices[0]?.message.content).toContain('heard:');
    expect(bodiesOf(world.upstream.seen)).toMatchObject([
      {
        messages: [
          { role: 'user' },
          {
            role: 'assistant',
            content: [
              { type: 'tool_use', id: 'toolu_fake_0' },
              { type: 'tool_use', id: 'toolu_fake_1' },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', tool_use_id: 'toolu_fake_0' },
              { type: 'tool_result', tool_use_id: 'toolu_fake_1' },
            ],
          },
        ],
      },
    ]);
  });

  it('parses structured output, of chat completions and of responses', async () => {
    const chat = await openai.chat.completions.parse({
      model: 'claude',
      messages: hello,
      response_format: zodResponseFormat(City, 'city'),
    });
    expect(chat.choices[0]?.message.parsed).toEqual({ city: 'Zürich', people: 21 });
    const response = await openai.responses.parse({ model: 'claude', input: 'Hallo', text: { format: zodTextFormat(City, 'city') } });
    expect(response.output_parsed).toEqual({ city: 'Zürich', people: 21 });
  });

  it('speaks the Responses API, plain and streamed', async () => {
    const response = await openai.responses.create({ model: 'claude', input: 'Hallo, wie geht es?', instructions: 'Be short.' });
    expect([response.status, response.output_text, response.object]).toEqual(['completed', ANSWER, 'response']);
    const events = await allOf(await openai.responses.create({ model: 'claude', input: 'Hallo, wie geht es?', stream: true }));
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_event, i) => i));
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['response.created', 'response.completed']);
    expect(events.flatMap((event) => (event.type === 'response.output_text.delta' ? [event.delta] : [])).join('')).toBe(ANSWER);
  });

  it('shows images', async () => {
    const content = [
      { type: 'text' as const, text: 'What is this?' },
      { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${PIXEL}` } },
    ];
    await openai.chat.completions.create({ model: 'claude', messages: [{ role: 'user', content }] });
    expect(bodiesOf(world.upstream.seen)).toMatchObject([
      {
        messages: [
          {
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
            ],
          },
        ],
      },
    ]);
  });

  it('shows PDFs, of chat completions and of responses', async () => {
    const file = { filename: 'invoice.pdf', file_data: 'data:application/pdf;base64,JVBERi0xLjQK' };
    const text = 'What is due?';
    await openai.chat.completions.create({
      model: 'claude',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'file', file },
            { type: 'text', text },
          ],
        },
      ],
    });
    await openai.responses.create({
      model: 'claude',
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_file', ...file },
            { type: 'input_text', text },
          ],
        },
      ],
    });
    const source = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0xLjQK' };
    const content = [
      { type: 'document', source, title: 'invoice.pdf' },
      { type: 'text', text },
    ];
    expect(bodiesOf(world.upstream.seen)).toMatchObject([{ messages: [{ content }] }, { messages: [{ content }] }]);
  });

  it('is told that an answer was too long for its limit', async () => {
    const answer = await openai.chat.completions.create({ model: 'claude', messages: hello, max_completion_tokens: 2 });
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'Grüße 🙂' } });
  });

  it("gets errors in OpenAI's envelope, with the words of the upstream where they help", async () => {
    const long = await errorOf(openai.chat.completions.create({ model: 'claude', messages: [{ role: 'user', content: 'TOO LONG' }] }));
    expect(long).toMatchObject({
      constructor: BadRequestError,
      status: 400,
      code: 'context_length_exceeded',
      message: expect.stringContaining('prompt is too long: 233153 tokens > 200000 maximum'),
    });
    world.upstream.always({
      kind: 'status',
      status: 429,
      headers: { 'retry-after': '60' },
      body: errorBody('anthropic', { type: 'rate_limit_error', message: 'Slow down.' }),
    });
    expect(await errorOf(openai.chat.completions.create({ model: 'claude', messages: hello }))).toMatchObject({
      constructor: RateLimitError,
      status: 429,
    });
    world.upstream.always({
      kind: 'status',
      status: 529,
      body: errorBody('anthropic', { type: 'overloaded_error', message: 'Overloaded' }),
    });
    expect(await errorOf(openai.chat.completions.create({ model: 'claude', messages: hello }))).toMatchObject({
      constructor: InternalServerError,
    });
  });

  it('sees a cut where the upstream was cut, and ends upstream what it aborts', async () => {
    for (const kind of ['cut', 'early-end'] as const) {
      world.upstream.next({ kind });
      const stream = await openai.chat.completions.create({ model: 'claude', messages: hello, stream: true });
      await expect(allOf(stream), kind).rejects.toThrow();
      world.upstream.next({ kind });
      await expect(openai.chat.completions.create({ model: 'claude', messages: hello }), kind).rejects.toThrow();
    }
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (_e, signal) => openai.chat.completions.create({ model: 'claude', messages: hello }, { signal }));
    world.upstream.next({ kind: 'endless' });
    const before = world.upstream.seen.length;
    const endless = await openai.chat.completions.create({ model: 'claude', messages: hello, stream: true });
    for await (const chunk of endless) if (chunk.choices[0]?.delta.content) break;
    expect(await (await world.upstream.request(before)).over).toBe('gone');
  });
});
