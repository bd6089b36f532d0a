import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, type LanguageModel, Output, stepCountIs, streamText, tool } from 'ai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Endpoint, errorOf } from '../../support/both-ways.ts';
import { abortReachesUpstream, openSdkWorld, type SdkWorld, sameBothWays } from './world.ts';

let world: SdkWorld;
beforeAll(async () => {
  globalThis.AI_SDK_LOG_WARNINGS = false;
  world = await openSdkWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.upstream.reset());

/** Each of the SDK's ways to speak. */
const providers: Readonly<Record<string, (endpoint: Endpoint) => LanguageModel>> = {
  'openai, chat': (e) => createOpenAI({ baseURL: e.openai, apiKey: e.key }).chat(e.gpt),
  'openai, responses': (e) => createOpenAI({ baseURL: e.openai, apiKey: e.key }).responses(e.gpt),
  'openai-compatible': (e) =>
    createOpenAICompatible({
      name: 'any',
      baseURL: e.openai,
      apiKey: e.key,
      includeUsage: true,
      supportsStructuredOutputs: true,
    }).chatModel(e.gpt),
  anthropic: (e) => createAnthropic({ baseURL: `${e.anthropic}/v1`, apiKey: e.key })(e.claude),
};

const City = z.object({ city: z.string(), people: z.number() });
const weather = tool({
  description: 'The weather',
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => `sunny in ${city}`,
});
const prompt = 'Hallo, wie geht es?';

describe.each(Object.entries(providers))('%s', (_name, modelAt) => {
  it('generates text, with usage', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const { text, finishReason, usage } = await generateText({ model: modelAt(e), prompt, maxRetries: 0 });
      return { text, finishReason, usage };
    });
    expect(seen).toMatchObject({
      text: 'Grüße 🙂 – heard: Hallo, wie geht es?',
      finishReason: 'stop',
      usage: { outputTokens: expect.any(Number) },
    });
  });

  it('streams text, with usage', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const result = streamText({ model: modelAt(e), prompt, maxRetries: 0 });
      const pieces: string[] = [];
      for await (const piece of result.textStream) pieces.push(piece);
      return { pieces, usage: await result.usage, finishReason: await result.finishReason };
    });
    expect((seen as { pieces: string[] }).pieces.join('')).toBe('Grüße 🙂 – heard: Hallo, wie geht es?');
    expect(seen).toMatchObject({ finishReason: 'stop', usage: { outputTokens: expect.any(Number) } });
  });

  it('runs a tool and goes on with its result, plain and streamed', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const settings = { model: modelAt(e), prompt, tools: { weather }, stopWhen: stepCountIs(3), maxRetries: 0 };
      const plain = await generateText(settings);
      const streamed = streamText(settings);
      const steps = await streamed.steps;
      return [plain.steps, steps].map((all) =>
        all.map((step) => ({ text: step.text, results: step.toolResults.map((result) => result.output) })),
      );
    });
    const steps = [
      { text: '', results: ['sunny in Zürich'] },
      { text: expect.stringContaining('heard:'), results: [] },
    ];
    expect(seen).toEqual([steps, steps]);
  });

  it('gives objects that fit a schema', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const { output } = await generateText({ model: modelAt(e), prompt, output: Output.object({ schema: City }), maxRetries: 0 });
      return output;
    });
    expect(seen).toEqual({ city: 'Zürich', people: 21 });
  });

  it('throws what the upstream says', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const error = await errorOf(generateText({ model: modelAt(e), prompt: 'TOO LONG', maxRetries: 0 }));
      if (!APICallError.isInstance(error)) throw error;
      return { status: error.statusCode, message: error.message, retryable: error.isRetryable };
    });
    expect(seen).toMatchObject({ status: 400, message: expect.stringContaining('233153 tokens'), retryable: false });
  });

  it('ends at the upstream what a client aborts', async () => {
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (e, abortSignal) => generateText({ model: modelAt(e), prompt, abortSignal, maxRetries: 0 }));
  });
});

it.each(['openai, chat', 'openai, responses'])('gives log-probabilities over %s', async (name) => {
  const seen = await sameBothWays(world, async (e) => {
    const model = (providers[name] as (typeof providers)[string])(e);
    const { providerMetadata } = await generateText({ model, prompt, providerOptions: { openai: { logprobs: 2 } }, maxRetries: 0 });
    return providerMetadata?.openai?.logprobs;
  });
  expect(JSON.stringify(seen)).toContain('-0.0123');
});
