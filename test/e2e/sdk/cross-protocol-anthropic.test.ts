import Anthropic from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allOf, bodiesOf, errorOf } from '../../support/both-ways.ts';
import { errorBody } from '../../support/fake-upstream/index.ts';
import { ANSWER, abortReachesUpstream, kindsInOrder, MESSAGE_EVENTS, openSdkWorld, PIXEL, type SdkWorld } from './world.ts';

let world: SdkWorld;
let anthropic: Anthropic;
beforeAll(async () => {
  world = await openSdkWorld();
  anthropic = new Anthropic({ baseURL: world.through.anthropic, apiKey: world.through.key, maxRetries: 0 });
});
afterAll(() => world?.close());
beforeEach(() => world.upstream.reset());

const City = z.object({ city: z.string(), people: z.number() });

describe('an Anthropic client that names a model behind OpenAI', () => {
  const hello = { max_tokens: 200, system: 'Be short.', messages: [{ role: 'user' as const, content: 'Hallo, wie geht es?' }] };
  const tool = (name: string, properties: Record<string, unknown>) => ({
    name,
    description: `The ${name}`,
    input_schema: { type: 'object' as const, properties, required: Object.keys(properties) },
  });
  const tools = [tool('weather', { city: { type: 'string' }, days: { type: 'integer' } }), tool('time', { zone: { type: 'string' } })];

  it('is answered in its own protocol, and the upstream is asked in its', async () => {
    const answer = await anthropic.messages.create({ model: 'gpt', ...hello, stop_sequences: ['END'] });
    expect(answer).toMatchObject({
      type: 'message',
      role: 'assistant',
      content: [{ type: 'text', text: ANSWER }],
      stop_reason: 'end_turn',
      usage: { cache_read_input_tokens: 3, input_tokens: expect.any(Number), output_tokens: expect.any(Number) },
    });
    const [request] = world.upstream.seen;
    expect([request?.target, request?.headers.authorization, request?.headers['x-api-key']]).toEqual([
      '/v1/chat/completions',
      'Bearer sk-upstream-b9f1c2e77a40',
      undefined,
    ]);
    expect(request?.json).toMatchObject({
      model: 'gpt-fake',
      max_completion_tokens: 200,
      stop: 'END',
      messages: [{ role: expect.stringMatching(/system|developer/) }, { role: 'user' }],
    });
  });

  it('streams events in order, with a prompt that is counted from the start', async () => {
    const events = await allOf(await anthropic.messages.create({ model: 'gpt', ...hello, stream: true }));
    expect(kindsInOrder(events)).toEqual(MESSAGE_EVENTS);
    const start = events[0] as Anthropic.RawMessageStartEvent;
    expect(start.message.usage.input_tokens).toBeGreaterThan(0);
    const final = await anthropic.messages.stream({ model: 'gpt', ...hello }).finalMessage();
    expect(final).toMatchObject({ content: [{ text: ANSWER }], stop_reason: 'end_turn' });
    expect(final.usage.output_tokens).toBeGreaterThan(0);
  });

  it('calls tools in parallel, plain and streamed, and takes two results of one turn', async () => {
    const first = await anthropic.messages.create({ model: 'gpt', ...hello, tools });
    const streamed = await anthropic.messages.stream({ model: 'gpt', ...hello, tools }).finalMessage();
    const calls = [
      { type: 'tool_use', name: 'weather', input: { city: 'Zürich', days: 21 } },
      { type: 'tool_use', name: 'time', input: { zone: 'Zürich' } },
    ];
    expect([first, streamed]).toMatchObject([
      { stop_reason: 'tool_use', content: calls },
      { stop_reason: 'tool_use', content: calls },
    ]);
    const results = first.content.flatMap((block) =>
      block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'sunny' }] : [],
    );
    world.upstream.reset();
    const turns = [...hello.messages, { role: 'assistant' as const, content: first.content }, { role: 'user' as const, content: results }];
    const second = await anthropic.messages.create({ model: 'gpt', max_tokens: 200, messages: turns, tools });
    expect(second).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text', text: expect.stringContaining('sunny') }] });
    expect(bodiesOf(world.upstream.seen)).toMatchObject([
      {
        messages: [
          { role: 'user' },
          { role: 'assistant', tool_calls: [{ id: 'call_fake_0' }, { id: 'call_fake_1' }] },
          { role: 'tool', tool_call_id: 'call_fake_0' },
          { role: 'tool', tool_call_id: 'call_fake_1' },
        ],
      },
    ]);
  });

  it('parses structured output', async () => {
    const answer = await anthropic.messages.parse({ model: 'gpt', ...hello, output_config: { format: zodOutputFormat(City) } });
    expect(answer.parsed_output).toEqual({ city: 'Zürich', people: 21 });
  });

  it('shows images', async () => {
    const content = [
      { type: 'image' as const, source: { type: 'base64' as const, media_type: 'image/png' as const, data: PIXEL } },
      { type: 'text' as const, text: 'What is this?' },
    ];
    await anthropic.messages.create({ model: 'gpt', max_tokens: 9, messages: [{ role: 'user', content }] });
    expect(bodiesOf(world.upstream.seen)).toMatchObject([
      {
        messages: [
          {
            content: [
              { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
              { type: 'text', text: 'What is this?' },
            ],
          },
        ],
      },
    ]);
  });

  it('shows PDFs', async () => {
    const source = { type: 'base64' as const, media_type: 'application/pdf' as const, data: 'JVBERi0xLjQK' };
    const content = [
      { type: 'document' as const, source, title: 'invoice.pdf' },
      { type: 'text' as const, text: 'What is due?' },
    ];
    await anthropic.messages.create({ model: 'gpt', max_tokens: 9, messages: [{ role: 'user', content }] });
    expect(bodiesOf(world.upstream.seen)).toMatchObject([
      {
        messages: [
          {
            content: [
              { type: 'file', file: { filename: 'invoice.pdf', file_data: 'data:application/pdf;base64,JVBERi0xLjQK' } },
              { type: 'text', text: 'What is due?' },
            ],
          },
        ],
      },
    ]);
  });

  it('counts tokens, as an estimate or as the upstream can', async () => {
    const count = await anthropic.messages.countTokens({ model: 'gpt', messages: hello.messages });
    expect(count.input_tokens).toBeGreaterThan(0);
  });

  it("gets errors in Anthropic's envelope, with the words of the upstream where they help", async () => {
    const long = await errorOf(
      anthropic.messages.create({ model: 'gpt', max_tokens: 9, messages: [{ role: 'user', content: 'TOO LONG' }] }),
    );
    expect(long).toMatchObject({
      constructor: Anthropic.BadRequestError,
      status: 400,
      type: 'invalid_request_error',
      message: expect.stringContaining('"prompt is too long: 233153 tokens > 128000 maximum: This model\'s maximum context length'),
    });
    const quota = errorBody('openai', {
      type: 'insufficient_quota',
      code: 'insufficient_quota',
      message: 'You exceeded your current quota.',
    });
    world.upstream.always({ kind: 'status', status: 429, body: quota });
    expect(await errorOf(anthropic.messages.create({ model: 'gpt', ...hello }))).toMatchObject({
      constructor: Anthropic.RateLimitError,
      error: { type: 'error' },
    });
    world.upstream.always({
      kind: 'status',
      status: 500,
      body: errorBody('openai', { type: 'server_error', message: 'The server had an error.' }),
    });
    expect(await errorOf(anthropic.messages.create({ model: 'gpt', ...hello }))).toMatchObject({
      constructor: Anthropic.InternalServerError,
      error: { type: 'error' },
    });
  });

  it('sees a cut where the upstream was cut, and ends upstream what it aborts', async () => {
    for (const kind of ['cut', 'early-end'] as const) {
      world.upstream.next({ kind });
      await expect(anthropic.messages.stream({ model: 'gpt', ...hello }).finalMessage(), kind).rejects.toThrow();
      world.upstream.next({ kind });
      await expect(anthropic.messages.create({ model: 'gpt', ...hello }), kind).rejects.toThrow();
    }
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (_e, signal) => anthropic.messages.create({ model: 'gpt', ...hello }, { signal }));
    world.upstream.next({ kind: 'endless' });
    const before = world.upstream.seen.length;
    const endless = await anthropic.messages.create({ model: 'gpt', ...hello, stream: true });
    for await (const event of endless) if (event.type === 'content_block_delta') break;
    expect(await (await world.upstream.request(before)).over).toBe('gone');
  });
});
