import createInstructor from '@instructor-ai/instructor';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
// Instructor makes its schemas with a library that reads the third version's types only.
import { z } from 'zod/v3';
import { allOf, type Endpoint, errorOf } from '../../support/both-ways.ts';
import { abortReachesUpstream, openSdkWorld, type SdkWorld, sameBothWays } from './world.ts';

let world: SdkWorld;
beforeAll(async () => {
  // It writes every error to the console, too.
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  world = await openSdkWorld();
});
afterAll(() => {
  vi.restoreAllMocks();
  return world?.close();
});
beforeEach(() => world.upstream.reset());

const City = z.object({ city: z.string(), people: z.number() });
const messages = [{ role: 'user' as const, content: 'Hallo, wie geht es?' }];
const modes = ['TOOLS', 'JSON_SCHEMA'] as const;

describe.each(modes)('Instructor by %s', (mode) => {
  const clientOf = (e: Endpoint) => createInstructor({ client: new OpenAI({ baseURL: e.openai, apiKey: e.key, maxRetries: 0 }), mode });

  it('gives an object, plain and streamed', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const request = { model: e.gpt, messages, response_model: { schema: City, name: 'City' }, max_retries: 0 };
      const plain = await clientOf(e).chat.completions.create(request);
      const partial = await allOf(await clientOf(e).chat.completions.create({ ...request, stream: true }));
      return [plain, partial.at(-1)];
    });
    expect(seen).toMatchObject([
      { city: 'Zürich', people: 21 },
      { city: 'Zürich', people: 21 },
    ]);
  });

  it('asks for log-probabilities where it is told to, and reads its object all the same', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const before = world.upstream.seen.length;
      const answer = await clientOf(e).chat.completions.create({
        ...{ model: e.gpt, messages, max_retries: 0, logprobs: true, top_logprobs: 2 },
        response_model: { schema: City, name: 'City' },
      });
      return [answer, world.upstream.seen[before]?.json];
    });
    expect(seen).toMatchObject([
      { city: 'Zürich', people: 21 },
      { logprobs: true, top_logprobs: 2 },
    ]);
  });

  it('ends at the upstream what a client aborts', async () => {
    world.upstream.next({ kind: 'silent' });
    await abortReachesUpstream(world, (e, signal) =>
      clientOf(e).chat.completions.create(
        { model: e.gpt, messages, response_model: { schema: City, name: 'City' }, max_retries: 0 },
        { signal },
      ),
    );
  });

  it('throws what the upstream says', async () => {
    const seen = await sameBothWays(world, async (e) => {
      const request = {
        model: e.gpt,
        messages: [{ role: 'user' as const, content: 'TOO LONG' }],
        response_model: { schema: City, name: 'City' },
        max_retries: 0,
      };
      return (await errorOf(clientOf(e).chat.completions.create(request))).message;
    });
    expect(seen).toContain('233153 tokens');
  });
});
