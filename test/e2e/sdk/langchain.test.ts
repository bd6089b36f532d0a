import { ChatAnthropic } from '@langchain/anthropic';
import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Endpoint, errorOf } from '../../support/both-ways.ts';
import { abortReachesUpstream, openSdkWorld, type SdkWorld, sameBothWays } from './world.ts';

let world: SdkWorld;
beforeAll(async () => {
  world = await openSdkWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.upstream.reset());

const openai = (e: Endpoint, more: object = {}) =>
  new ChatOpenAI({ model: e.gpt, apiKey: e.key, maxRetries: 0, configuration: { baseURL: e.openai }, ...more });

const models: Readonly<Record<string, (endpoint: Endpoint) => BaseChatModel>> = {
  'ChatOpenAI over chat completions': (e) => openai(e),
  'ChatOpenAI over responses': (e) => openai(e, { useResponsesApi: true }),
  ChatAnthropic: (e) => new ChatAnthropic({ model: e.claude, apiKey: e.key, maxRetries: 0, anthropicApiUrl: e.anthropic, maxTokens: 200 }),
};

const City = z.object({ city: z.string(), people: z.number() });
const weather = tool(({ city }: { city: string }) => `sunny in ${city}`, {
  name: 'weather',
  description: 'The weather',
  schema: z.object({ city: z.string() }),
});
const question = 'Hallo, wie geht es?';
const answer = 'Grüße 🙂 – heard: Hallo, wie geht es?';

describe.each(Object.entries(models))('%s', (_name, modelAt) => {
  it('invokes, with usage', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const message = await modelAt(e).invoke(question);
      return { text: message.text, usage: message.usage_metadata };
    });
    expect(seen).toMatchObject({ text: answer, usage: { output_tokens: expect.any(Number) } });
  });

  it('streams', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const pieces: string[] = [];
      for await (const chunk of await modelAt(e).stream(question)) pieces.push(chunk.text);
      return pieces.join('');
    });
    expect(seen).toBe(answer);
  });

  it('calls a tool and takes its result', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const bound = modelAt(e).bindTools?.([weather]);
      const first = await bound?.invoke(question);
      const [call] = first?.tool_calls ?? [];
      if (!first || !call) throw new Error('no tool was called');
      const result = new ToolMessage({ tool_call_id: call.id ?? '', content: String(await weather.invoke(call.args as { city: string })) });
      const second = await bound?.invoke([new HumanMessage(question), first, result]);
      return [call, second?.text];
    });
    expect(seen).toMatchObject([{ name: 'weather', args: { city: 'Zürich' } }, expect.stringContaining('heard:')]);
  });

  it('gives structured output', async () => {
    const seen = await sameBothWays(world, (e) => modelAt(e).withStructuredOutput(City).invoke(question));
    expect(seen).toEqual({ city: 'Zürich', people: 21 });
  });

  it('throws what the upstream says', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const error = await errorOf(modelAt(e).invoke('TOO LONG'));
      return { class: error.constructor.name, message: error.message };
    });
    expect(seen).toMatchObject({ message: expect.stringMatching(/^400 .*233153 tokens/s) });
  });

  it('ends at the upstream what a client aborts', async () => {
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (e, signal) => modelAt(e).invoke(question, { signal }));
  });
});

it('gives log-probabilities over chat completions', async () => {
  const seen = await sameBothWays(world, async (e) => {
    const message = await openai(e, { logprobs: true, topLogprobs: 2 }).invoke(question);
    return message.response_metadata.logprobs;
  });
  expect(JSON.stringify(seen)).toContain('-0.0123');
});
