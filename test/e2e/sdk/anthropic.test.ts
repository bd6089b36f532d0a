import Anthropic from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allOf, type Endpoint, errorOf } from '../../support/both-ways.ts';
import { errorBody } from '../../support/fake-upstream/index.ts';
import { abortReachesUpstream, kindsInOrder, MESSAGE_EVENTS, openSdkWorld, type SdkWorld, sameBothWays } from './world.ts';

let world: SdkWorld;
beforeAll(async () => {
  world = await openSdkWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.upstream.reset());

const clientOf = (endpoint: Endpoint) => new Anthropic({ baseURL: endpoint.anthropic, apiKey: endpoint.key, maxRetries: 0 });

const hello = { max_tokens: 200, messages: [{ role: 'user' as const, content: 'Hallo, wie geht es?' }] };
const weather = {
  name: 'weather',
  description: 'The weather of a city',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city', 'days'],
  },
};
const time = { name: 'time', input_schema: { type: 'object' as const, properties: { zone: { type: 'string' } } } };
const City = z.object({ city: z.string(), people: z.number() });

describe('messages', () => {
  it('answers a plain request with every member of the upstream', async () => {
    const answer = await sameBothWays(world, async (e) => clientOf(e).messages.create({ model: e.claude, ...hello }));
    expect(answer).toMatchObject({
      model: 'claude-fake-20260801',
      content: [{ type: 'text', text: 'Grüße 🙂 – heard: Hallo, wie geht es?' }],
      stop_reason: 'end_turn',
      usage: { cache_read_input_tokens: 6, cache_creation: { ephemeral_5m_input_tokens: 4 } },
      member_of_next_year: { kept: true },
    });
  });

  it('streams every event in order, with the prompt counted at the start', async () => {
    const events = (await sameBothWays(world, async (e) =>
      allOf(await clientOf(e).messages.create({ model: e.claude, ...hello, stream: true })),
    )) as Anthropic.MessageStreamEvent[];
    expect(kindsInOrder(events)).toEqual(MESSAGE_EVENTS);
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: expect.any(Number), cache_read_input_tokens: 6 } } });
    const message = await sameBothWays(world, async (e) =>
      clientOf(e)
        .messages.stream({ model: e.claude, ...hello })
        .finalMessage(),
    );
    expect(message).toMatchObject({
      content: [{ text: 'Grüße 🙂 – heard: Hallo, wie geht es?' }],
      usage: { output_tokens: expect.any(Number) },
    });
  });

  it('calls tools in parallel, plain and streamed, and takes both results in one turn', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const { messages } = clientOf(e);
      const tools = [weather, time];
      const first = await messages.create({ model: e.claude, ...hello, tools });
      const streamed = await messages.stream({ model: e.claude, ...hello, tools }).finalMessage();
      const results = first.content.flatMap((block) =>
        block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'sunny' }] : [],
      );
      const turns = [
        ...hello.messages,
        { role: 'assistant' as const, content: first.content },
        { role: 'user' as const, content: results },
      ];
      const second = await messages.create({ model: e.claude, max_tokens: 200, messages: turns, tools });
      return [first, streamed, second];
    });
    const calls = [
      { type: 'tool_use', name: 'weather', input: { city: 'Zürich', days: 21 } },
      { type: 'tool_use', name: 'time', input: { zone: 'Zürich' } },
    ];
    expect(seen).toMatchObject([
      { stop_reason: 'tool_use', content: calls },
      { stop_reason: 'tool_use', content: calls },
      { stop_reason: 'end_turn', content: [{ type: 'text' }] },
    ]);
  });

  it('thinks, and sends the thinking back byte for byte', async () => {
    const thinking = { type: 'enabled' as const, budget_tokens: 1024 };
    const seen = await sameBothWays(world, async (e) => {
      const { messages } = clientOf(e);
      const first = await messages.create({ model: e.claude, ...hello, max_tokens: 2000, thinking });
      const streamed = await messages.stream({ model: e.claude, ...hello, max_tokens: 2000, thinking }).finalMessage();
      const turns = [...hello.messages, { role: 'assistant' as const, content: first.content }, { role: 'user' as const, content: 'And?' }];
      await messages.create({ model: e.claude, max_tokens: 2000, thinking, messages: turns });
      return [first.content, streamed.content];
    });
    const block = { type: 'thinking', thinking: 'They greet me. I greet back.', signature: 'RXF1YWwgdG8gdGhlIGJ5dGU/+w==' };
    expect(seen).toMatchObject([
      [block, { type: 'text' }],
      [block, { type: 'text' }],
    ]);
    const [direct, through] = [world.upstream.seen[2], world.upstream.seen[5]];
    expect(through?.bytes.toString()).toBe(direct?.bytes.toString());
  });

  it('parses structured output', async () => {
    const parsed = await sameBothWays(world, async (e) => {
      const answer = await clientOf(e).messages.parse({ model: e.claude, ...hello, output_config: { format: zodOutputFormat(City) } });
      return answer.parsed_output;
    });
    expect(parsed).toEqual({ city: 'Zürich', people: 21 });
  });

  it('passes beta headers, the beta query and fields that it does not know', async () => {
    await sameBothWays(world, async (e) =>
      clientOf(e).beta.messages.create(
        {
          model: e.claude,
          ...hello,
          betas: ['context-management-2025-06-27'],
          context_management: { edits: [] },
          ...{ field_of_next_year: { big: 1 } },
        },
        { query: { beta: 'true', 'x y': 'ä' } },
      ),
    );
    const [direct, through] = world.upstream.seen;
    expect(through?.target).toBe(direct?.target);
    expect(through?.target).toContain('?beta=true');
    expect(through?.headers).toMatchObject({
      'anthropic-beta': 'context-management-2025-06-27',
      'anthropic-version': direct?.headers['anthropic-version'],
    });
    expect(through?.bytes.toString()).toBe(direct?.bytes.toString());
    expect(through?.json).toMatchObject({ context_management: { edits: [] }, field_of_next_year: { big: 1 } });
  });

  it('ends at the upstream what a client aborts, before the first byte and in the middle of a stream', async () => {
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (e, signal) => clientOf(e).messages.create({ model: e.claude, ...hello }, { signal }));
    world.upstream.next({ kind: 'endless' });
    const before = world.upstream.seen.length;
    const stream = await clientOf(world.through).messages.create({ model: 'claude', ...hello, stream: true });
    let events = 0;
    for await (const _event of stream) {
      events += 1;
      if (events === 10) break;
    }
    expect(await (await world.upstream.request(before)).over).toBe('gone');
  });
});

describe('the other endpoints', () => {
  it('counts tokens, and passes on what belongs to no model', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const client = clientOf(e);
      return {
        count: await client.messages.countTokens({ model: e.claude, messages: hello.messages }),
        batch: await client.messages.batches.retrieve('msgbatch_1'),
      };
    });
    expect(seen).toMatchObject({ count: { input_tokens: expect.any(Number) }, batch: { target: '/v1/messages/batches/msgbatch_1' } });
  });

  it("lists the models of the config in Anthropic's shape", async () => {
    const client = clientOf(world.through);
    const models = await allOf(client.models.list());
    expect(models.map(({ id, type }) => ({ id, type }))).toEqual(expect.arrayContaining([{ id: 'claude', type: 'model' }]));
    expect(await client.models.retrieve('claude')).toMatchObject({ id: 'claude', type: 'model' });
    expect(await errorOf(client.models.retrieve('nothing'))).toMatchObject({
      constructor: Anthropic.NotFoundError,
      type: 'not_found_error',
    });
  });
});

describe('errors', () => {
  const members = (error: Record<string, unknown>) => ({
    class: error.constructor.name,
    status: error.status,
    type: error.type,
    body: error.error,
  });

  it("tells the upstream's refusals word for word", async () => {
    const seen = await sameBothWays(world, async (e) => {
      const { messages } = clientOf(e);
      const long = [{ role: 'user' as const, content: 'TOO LONG' }];
      return [
        members(await errorOf(messages.create({ model: e.claude, max_tokens: 10, messages: long }))),
        members(await errorOf(messages.create({ model: e.claude, max_tokens: 10, messages: long, stream: true }))),
      ];
    });
    const refusal = {
      class: 'BadRequestError',
      status: 400,
      body: { error: { message: 'prompt is too long: 233153 tokens > 200000 maximum' } },
    };
    expect(seen).toMatchObject([refusal, refusal]);
  });

  it('tells limits and failures by class and status', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const ask = async (status: number, type: string, headers: Record<string, string> = {}) => {
        world.upstream.always({ kind: 'status', status, headers, body: errorBody('anthropic', { type, message: 'Try later.' }) });
        return members(await errorOf(clientOf(e).messages.create({ model: e.claude, ...hello })));
      };
      return [
        await ask(429, 'rate_limit_error', { 'retry-after': '60' }),
        await ask(529, 'overloaded_error'),
        await ask(413, 'request_too_large'),
      ];
    });
    expect(seen).toMatchObject([
      { class: 'RateLimitError', status: 429, type: 'rate_limit_error' },
      { status: 529, type: 'overloaded_error' },
      { status: 413, type: 'request_too_large' },
    ]);
  });

  it("answers for itself in Anthropic's envelope", async () => {
    const error = await errorOf(clientOf(world.through).messages.create({ model: 'nobody', ...hello }));
    expect(members(error)).toMatchObject({ class: 'NotFoundError', status: 404, type: 'not_found_error', body: { type: 'error' } });
  });

  it('throws where a stream is cut, and does not take half an answer for a whole one', async () => {
    for (const kind of ['cut', 'early-end'] as const) {
      world.upstream.next({ kind });
      await expect(
        clientOf(world.through)
          .messages.stream({ model: 'claude', ...hello })
          .finalMessage(),
        kind,
      ).rejects.toThrow();
    }
  });
});

describe('what reaches the upstream', () => {
  it("carries the config's key in the upstream's way, whatever way the client's came", async () => {
    await clientOf(world.through).messages.create({ model: 'claude', ...hello });
    const older = { 'x-api-key': world.through.key, 'anthropic-version': '2023-06-01', 'content-type': 'application/json' };
    await fetch(`${world.through.anthropic}/v1/messages`, {
      method: 'POST',
      headers: older,
      body: JSON.stringify({ model: 'claude', ...hello }),
    });
    expect(world.upstream.seen.length).toBe(2);
    for (const request of world.upstream.seen) {
      expect(request.headers['x-api-key']).toBe('sk-upstream-b9f1c2e77a40');
      expect(request.headers.authorization).toBeUndefined();
      expect(request.rawHeaders.join('\n')).not.toContain(world.through.key);
    }
  });
});
