import type OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allOf, type Endpoint, errorOf } from '../../support/both-ways.ts';
import { errorBody } from '../../support/fake-upstream/index.ts';
import { NotFoundError, OpenAiClient, toFile, zodResponseFormat, zodTextFormat } from '../../support/openai-sdk.ts';
import { abortReachesUpstream, openSdkWorld, type SdkWorld, sameBothWays } from './world.ts';

let world: SdkWorld;
beforeAll(async () => {
  world = await openSdkWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.upstream.reset());

const clientOf = (endpoint: Endpoint) => new OpenAiClient({ baseURL: endpoint.openai, apiKey: endpoint.key, maxRetries: 0 });

const hello = [{ role: 'user' as const, content: 'Hallo, wie geht es?' }];
const weather = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'The weather of a city',
    strict: true,
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' } },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
};
const time = {
  type: 'function' as const,
  function: { name: 'time', parameters: { type: 'object', properties: { zone: { type: 'string' } } } },
};
const City = z.object({ city: z.string(), people: z.number(), sights: z.array(z.string()) });

describe('chat completions', () => {
  it('answers a plain request with every member of the upstream', async () => {
    const answer = await sameBothWays(world, async (e) => clientOf(e).chat.completions.create({ model: e.gpt, messages: hello }));
    expect(answer).toMatchObject({
      model: 'gpt-fake-2026-08-01',
      choices: [{ message: { content: 'Grüße 🙂 – heard: Hallo, wie geht es?' }, finish_reason: 'stop' }],
      usage: { prompt_tokens_details: { cached_tokens: 3 } },
      member_of_next_year: { kept: true },
    });
  });

  it('streams without usage to a client that did not ask for it, though the upstream is asked', async () => {
    const chunks = await sameBothWays(world, async (e) =>
      allOf(await clientOf(e).chat.completions.create({ model: e.gpt, messages: hello, stream: true })),
    );
    expect(JSON.stringify(chunks)).not.toContain('usage');
    expect(world.upstream.seen.map((request) => request.json?.stream_options)).toEqual([undefined, { include_usage: true }]);
  });

  it('streams usage to a client that asks for it', async () => {
    const chunks = await sameBothWays(world, async (e) =>
      allOf(
        await clientOf(e).chat.completions.create({ model: e.gpt, messages: hello, stream: true, stream_options: { include_usage: true } }),
      ),
    );
    expect((chunks as OpenAI.ChatCompletionChunk[]).at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
  });

  it('calls tools in parallel and takes their results', async () => {
    const answers = await sameBothWays(world, async (e) => {
      const client = clientOf(e);
      const first = await client.chat.completions.create({ model: e.gpt, messages: hello, tools: [weather, time] });
      const message = first.choices[0]?.message as OpenAI.ChatCompletionMessage;
      const results = (message.tool_calls ?? []).map((call) => ({ role: 'tool' as const, tool_call_id: call.id, content: 'sunny' }));
      const second = await client.chat.completions.create({
        model: e.gpt,
        messages: [...hello, message, ...results],
        tools: [weather, time],
      });
      return [first.choices, second.choices];
    });
    expect(answers).toMatchObject([
      [
        {
          finish_reason: 'tool_calls',
          message: {
            tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Zürich","days":21}' } }, { function: { name: 'time' } }],
          },
        },
      ],
      [{ finish_reason: 'stop', message: { content: 'Grüße 🙂 – heard: sunny' } }],
    ]);
  });

  it('streams tool calls', async () => {
    const message = await sameBothWays(world, async (e) =>
      clientOf(e)
        .chat.completions.stream({ model: e.gpt, messages: hello, tools: [weather, time] })
        .finalMessage(),
    );
    expect(message).toMatchObject({
      tool_calls: [
        { function: { name: 'weather', arguments: '{"city":"Zürich","days":21}' } },
        { function: { name: 'time', arguments: '{"zone":"Zürich"}' } },
      ],
    });
  });

  it('parses structured output', async () => {
    const parsed = await sameBothWays(world, async (e) => {
      const answer = await clientOf(e).chat.completions.parse({
        model: e.gpt,
        messages: hello,
        response_format: zodResponseFormat(City, 'city'),
      });
      return answer.choices[0]?.message.parsed;
    });
    expect(parsed).toEqual({ city: 'Zürich', people: 21, sights: ['Zürich'] });
  });

  it('gives log-probabilities, plain and streamed, and none when they were not asked for', async () => {
    const asked = { messages: hello, logprobs: true, top_logprobs: 2 };
    const plain = await sameBothWays(world, async (e) => {
      const answer = await clientOf(e).chat.completions.create({ model: e.gpt, ...asked });
      return answer.choices[0]?.logprobs;
    });
    const streamed = await sameBothWays(world, async (e) => {
      const chunks = await allOf(await clientOf(e).chat.completions.create({ model: e.gpt, ...asked, stream: true }));
      return chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? []);
    });
    expect(plain).toEqual({ content: streamed, refusal: null });
    expect((streamed as OpenAI.ChatCompletionTokenLogprob[])[0]).toEqual({
      token: 'Grüße',
      logprob: -0.0123,
      bytes: [...Buffer.from('Grüße')],
      top_logprobs: [expect.objectContaining({ token: 'Grüße' }), expect.objectContaining({ token: 'Grüße1' })],
    });
    const none = await sameBothWays(world, async (e) => clientOf(e).chat.completions.create({ model: e.gpt, messages: hello }));
    expect(none).toMatchObject({ choices: [{ logprobs: null }] });
  });

  it('ends at the upstream what a client aborts, before the first byte and in the middle of a stream', async () => {
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (e, signal) => clientOf(e).chat.completions.create({ model: e.gpt, messages: hello }, { signal }));
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (e, signal) =>
      clientOf(e).chat.completions.create({ model: e.gpt, messages: hello, stream: true }, { signal }),
    );
    world.upstream.next({ kind: 'endless' });
    const before = world.upstream.seen.length;
    const stream = await clientOf(world.through).chat.completions.create({ model: 'gpt', messages: hello, stream: true });
    let chunks = 0;
    for await (const _chunk of stream) {
      chunks += 1;
      if (chunks === 20) break;
    }
    expect(await (await world.upstream.request(before)).over).toBe('gone');
  });
});

describe('responses', () => {
  it('answers plain requests, streams, tools, structured output and log-probabilities as the upstream does', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const { responses } = clientOf(e);
      const model = e.gpt;
      const tools = [{ type: 'function' as const, name: 'weather', strict: true, parameters: weather.function.parameters }];
      return {
        plain: await responses.create({
          model,
          input: 'Hallo',
          reasoning: { effort: 'low' },
          include: ['reasoning.encrypted_content'],
          store: false,
        }),
        streamed: await allOf(await responses.create({ model, input: 'Hallo', stream: true })),
        tools: (await responses.create({ model, input: 'Hallo', tools })).output,
        toolStream: await allOf(await responses.create({ model, input: 'Hallo', tools, stream: true })),
        parsed: (await responses.parse({ model, input: 'Hallo', text: { format: zodTextFormat(City, 'city') } })).output_parsed,
        logprobs: (await responses.create({ model, input: 'Hallo', include: ['message.output_text.logprobs'], top_logprobs: 1 })).output,
      };
    });
    expect(seen).toMatchObject({
      plain: {
        output: [{ type: 'reasoning', encrypted_content: 'ZW5jcnlwdGVk' }, { type: 'message' }],
        output_text: 'Grüße 🙂 – heard: Hallo',
      },
      tools: [{ type: 'function_call', name: 'weather', arguments: '{"city":"Zürich","days":21}' }],
      parsed: { city: 'Zürich', people: 21, sights: ['Zürich'] },
      logprobs: [{ content: [{ logprobs: [{ token: 'Grüße', logprob: -0.0123 }, {}, {}, {}, {}] }] }],
    });
    const { streamed } = seen as { streamed: { type: string; sequence_number: number }[] };
    expect(streamed.map((event) => event.sequence_number)).toEqual(streamed.map((_event, i) => i));
    expect(streamed.at(-1)?.type).toBe('response.completed');
  });
});

describe('the other endpoints', () => {
  it('completes, embeds in the encoding that was asked for, moderates and stores files', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const client = clientOf(e);
      const model = e.gpt;
      return {
        completion: { ...(await client.completions.create({ model, prompt: 'Once', logprobs: 1 })), model: 'm' },
        completions: (await allOf(await client.completions.create({ model, prompt: 'Once', stream: true }))).map((chunk) => ({
          ...chunk,
          model: 'm',
        })),
        base64: (await client.embeddings.create({ model, input: ['a', 'bcd'] })).data,
        floats: (await client.embeddings.create({ model, input: 'abc', encoding_format: 'float' })).data,
        moderation: await client.moderations.create({ input: 'x' }),
        batch: await client.batches.retrieve('batch_1'),
      };
    });
    expect(seen).toMatchObject({
      base64: [{ embedding: [0.25, -0.5, 1, expect.closeTo(1e-9, 12)] }, { embedding: [0.25, -0.5, 3, expect.closeTo(1e-9, 12)] }],
      moderation: { target: '/v1/moderations' },
      batch: { target: '/v1/batches/batch_1' },
    });
    const file = await clientOf(world.through).files.create({ file: await toFile(Buffer.alloc(300_000, 7), 'x.jsonl'), purpose: 'batch' });
    expect(file).toMatchObject({ object: 'file', target: '/v1/files' });
    expect((file as unknown as { bytes: number }).bytes).toBeGreaterThan(300_000);
  });

  it('lists the models of the config, and shows one', async () => {
    const client = clientOf(world.through);
    expect((await allOf(client.models.list())).map((model) => model.id).sort()).toEqual(['claude', 'gpt']);
    expect(await client.models.retrieve('gpt')).toMatchObject({ id: 'gpt', object: 'model' });
    expect(await errorOf(client.models.retrieve('nothing'))).toMatchObject({ constructor: NotFoundError, code: 'model_not_found' });
  });
});

describe('errors', () => {
  const members = (error: Record<string, unknown>) => ({
    class: error.constructor.name,
    status: error.status,
    code: error.code,
    type: error.type,
    param: error.param,
    message: error.message,
  });

  it("tells the upstream's refusals word for word", async () => {
    const seen = await sameBothWays(world, async (e) => {
      const { chat, responses } = clientOf(e);
      return [
        members(await errorOf(chat.completions.create({ model: e.gpt, messages: hello, temperature: 9 }))),
        members(await errorOf(chat.completions.create({ model: e.gpt, messages: [{ role: 'user', content: 'TOO LONG' }] }))),
        members(await errorOf(chat.completions.create({ model: e.gpt, messages: [{ role: 'user', content: 'TOO LONG' }], stream: true }))),
        members(await errorOf(responses.create({ model: e.gpt, input: 'TOO LONG' }))),
      ];
    });
    expect(seen).toMatchObject([
      { class: 'BadRequestError', status: 400, code: 'decimal_above_max_value', param: 'temperature' },
      { class: 'BadRequestError', code: 'context_length_exceeded', message: expect.stringContaining('233153 tokens') },
      { class: 'BadRequestError', code: 'context_length_exceeded' },
      { class: 'BadRequestError', code: 'context_length_exceeded' },
    ]);
  });

  it('tells limits, quotas and failures by class and status', async () => {
    const quota = errorBody('openai', {
      type: 'insufficient_quota',
      code: 'insufficient_quota',
      message: 'You exceeded your current quota.',
    });
    const limit = errorBody('openai', { type: 'tokens', code: 'rate_limit_exceeded', message: 'Rate limit reached.' });
    const failure = errorBody('openai', { type: 'server_error', message: 'The server had an error.' });
    const seen = await sameBothWays(world, async (e) => {
      const ask = async (status: number, body: string, headers: Record<string, string> = {}) => {
        world.upstream.always({ kind: 'status', status, headers, body });
        const error = await errorOf(clientOf(e).chat.completions.create({ model: e.gpt, messages: hello }));
        return {
          class: error.constructor.name,
          status: error.status,
          type: error.type,
          code: error.code,
          after: (error.headers as Headers).get('retry-after'),
        };
      };
      return [await ask(429, quota), await ask(429, limit, { 'retry-after': '60' }), await ask(500, failure)];
    });
    expect(seen).toMatchObject([
      { class: 'RateLimitError', status: 429, code: 'insufficient_quota' },
      { class: 'RateLimitError', status: 429, code: 'rate_limit_exceeded', after: '60' },
      { class: 'InternalServerError', status: 500, type: 'server_error' },
    ]);
  });

  it('answers for itself what no upstream is asked: an unknown model', async () => {
    const error = await errorOf(clientOf(world.through).chat.completions.create({ model: 'nobody', messages: hello }));
    expect(members(error)).toMatchObject({ class: 'NotFoundError', status: 404, code: 'model_not_found' });
    expect(world.upstream.seen).toEqual([]);
  });

  it('throws where a stream is cut, and does not take half an answer for a whole one', async () => {
    for (const kind of ['cut', 'early-end'] as const) {
      world.upstream.next({ kind });
      const stream = await clientOf(world.through).chat.completions.create({ model: 'gpt', messages: hello, stream: true });
      await expect(allOf(stream), kind).rejects.toThrow();
    }
  });
});

describe('what reaches the upstream', () => {
  it("carries the config's key and model and none of the client's credential", async () => {
    await clientOf(world.through).chat.completions.create(
      { model: 'gpt', messages: hello },
      { query: { trace: '1' }, headers: { 'OpenAI-Beta': 'x=1', 'X-Custom': 'kept?' } },
    );
    const [request] = world.upstream.seen;
    expect(request?.target).toBe('/v1/chat/completions?trace=1');
    expect(request?.headers).toMatchObject({ authorization: 'Bearer sk-upstream-b9f1c2e77a40', 'openai-beta': 'x=1' });
    expect(request?.rawHeaders.join('\n')).not.toContain(world.through.key);
    expect(request?.bytes.toString()).toBe('{"model":"gpt-fake","messages":[{"role":"user","content":"Hallo, wie geht es?"}]}');
  });

  it('answers with its own headers and none that belong to the connection to the upstream', async () => {
    const { response } = await clientOf(world.through).chat.completions.create({ model: 'gpt', messages: hello }).withResponse();
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'x-request-id': 'req_fake_chat',
      'openai-processing-ms': '17',
      'x-ratelimit-remaining-requests': '9999',
      'x-new-header-of-next-year': 'kept',
      'x-smallfirst-request-id': expect.any(String),
      'x-smallfirst-model': expect.any(String),
    });
    expect(headers).not.toHaveProperty('set-cookie');
    expect(headers['keep-alive'] ?? '').not.toContain('777');
  });
});
