import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from '@openai/agents';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Endpoint, errorOf } from '../../support/both-ways.ts';
import { abortReachesUpstream, openSdkWorld, type SdkWorld, sameBothWays } from './world.ts';

let world: SdkWorld;
beforeAll(async () => {
  setTracingDisabled(true);
  world = await openSdkWorld();
});
afterAll(() => world?.close());
beforeEach(() => world.upstream.reset());

const clientOf = (e: Endpoint) => new OpenAI({ baseURL: e.openai, apiKey: e.key, maxRetries: 0 });
const models = {
  'chat completions': (e: Endpoint) => new OpenAIChatCompletionsModel(clientOf(e), e.gpt),
  responses: (e: Endpoint) => new OpenAIResponsesModel(clientOf(e), e.gpt),
};
/** How each API is asked for log-probabilities: the library has no word of its own for them. */
const askingForLogprobs: Readonly<Record<keyof typeof models, Record<string, unknown>>> = {
  'chat completions': { logprobs: true, top_logprobs: 2 },
  responses: { include: ['message.output_text.logprobs'], top_logprobs: 2 },
};

const weather = tool({
  name: 'weather',
  description: 'The weather',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `sunny in ${city}`,
});
const question = 'Hallo, wie geht es?';

describe.each(Object.entries(models))('an agent over %s', (name, modelAt) => {
  const plain = (e: Endpoint) => new Agent({ name: 'Greeter', instructions: 'Greet.', model: modelAt(e) });
  const withTool = (e: Endpoint) => new Agent({ name: 'Forecaster', instructions: 'Forecast.', model: modelAt(e), tools: [weather] });

  it('answers', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const result = await run(plain(e), question);
      return [result.finalOutput, result.state.usage];
    });
    expect(seen).toMatchObject(['Grüße 🙂 – heard: Hallo, wie geht es?', { requests: 1 }]);
  });

  it('uses its tool and answers with the result, plain and streamed', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const result = await run(withTool(e), question);
      const streamed = await run(withTool(e), question, { stream: true });
      const kinds: string[] = [];
      for await (const event of streamed) kinds.push(event.type === 'run_item_stream_event' ? event.name : event.type);
      return [result.finalOutput, streamed.finalOutput, kinds];
    });
    expect(seen).toMatchObject([
      expect.stringContaining('heard: sunny in Zürich'),
      expect.stringContaining('heard: sunny in Zürich'),
      expect.arrayContaining(['tool_called', 'tool_output', 'message_output_created']),
    ]);
  });

  it('gives structured output', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const agent = new Agent({
        name: 'City',
        instructions: 'Name a city.',
        model: modelAt(e),
        outputType: z.object({ city: z.string(), people: z.number() }),
      });
      return (await run(agent, question)).finalOutput;
    });
    expect(seen).toEqual({ city: 'Zürich', people: 21 });
  });

  it('has the log-probabilities that it asked for in what the model said', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const modelSettings = { providerData: askingForLogprobs[name as keyof typeof models] };
      const agent = new Agent({ name: 'Greeter', instructions: 'Greet.', model: modelAt(e), modelSettings });
      return (await run(agent, question)).rawResponses.map(({ providerData }) => providerData);
    });
    expect(JSON.stringify(seen)).toContain('"token":"Grüße","logprob":-0.0123');
  });

  it('throws what the upstream says, and ends there what a client aborts', async () => {
    const seen = await sameBothWays(world, async (e) => (await errorOf(run(plain(e), 'TOO LONG'))).message);
    expect(seen).toContain('233153 tokens');
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (e, signal) => run(plain(e), question, { signal }));
  });
});
