import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputTotal, usage } from '../core/index.ts';
import { mergeStreamedUsage, serviceTierOf, usageFromAnthropic, usageFromOpenAiChat, usageFromOpenAiResponses } from './normalise.ts';
import { usageProblem } from './rates.ts';

describe('usageFromOpenAiChat', () => {
  it('takes cached and written tokens out of the prompt that holds them', () => {
    expect(
      usageFromOpenAiChat({
        prompt_tokens: 100,
        completion_tokens: 20,
        total_tokens: 120,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30, audio_tokens: 5 },
        completion_tokens_details: { reasoning_tokens: 8, audio_tokens: 2 },
      }),
    ).toEqual({
      usage: usage({ freshInput: 10, cacheRead: 60, cacheWrite5m: 30, output: 20, reasoning: 8, audioInput: 5, audioOutput: 2 }),
      flags: [],
    });
  });

  it('reads usage without details, and with null details', () => {
    expect(usageFromOpenAiChat({ prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: null })).toEqual({
      usage: usage({ freshInput: 7, output: 3 }),
      flags: [],
    });
  });

  it('reads cache hits at the top level, as DeepSeek and Moonshot send them', () => {
    expect(
      usageFromOpenAiChat({ prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 6, prompt_cache_miss_tokens: 4 })?.usage
        .cacheRead,
    ).toBe(6);
    expect(usageFromOpenAiChat({ prompt_tokens: 10, completion_tokens: 1, cached_tokens: 6 })?.usage.cacheRead).toBe(6);
  });

  it('gives null where there is no usage, which is not the same as zero', () => {
    for (const nothing of [null, undefined, 'usage', 5, []]) expect(usageFromOpenAiChat(nothing)).toBeNull();
  });

  it('clamps more cached tokens than the prompt has, and says so', () => {
    expect(usageFromOpenAiChat({ prompt_tokens: 100, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 500 } })).toEqual({
      usage: usage({ cacheRead: 100, output: 1 }),
      flags: ['cached tokens 500 exceeds prompt_tokens 100, which holds it; clamped'],
    });
  });

  it('takes negative, fractional and non-numeric counts as nonsense, loudly', () => {
    expect(usageFromOpenAiChat({ prompt_tokens: -5, completion_tokens: 2.5 })).toEqual({
      usage: usage({ output: 3 }),
      flags: ['completion_tokens is 2.5, not a whole count; rounded up', 'prompt_tokens is -5, not a count; taken as 0'].reverse(),
    });
    expect(usageFromOpenAiChat({ prompt_tokens: Number.NaN, completion_tokens: '9' })?.flags).toEqual([
      'prompt_tokens is NaN, not a count; taken as 0',
      'completion_tokens is string, not a count; taken as 0',
    ]);
  });

  it('fills a missing side from the total', () => {
    expect(usageFromOpenAiChat({ prompt_tokens: 10, total_tokens: 25 })).toEqual({
      usage: usage({ freshInput: 10, output: 15 }),
      flags: ['completion_tokens is missing; taken as the rest of total_tokens'],
    });
  });

  it('reads an embedding, which has no completion, without a complaint', () => {
    expect(usageFromOpenAiChat({ prompt_tokens: 10, total_tokens: 10 })).toEqual({ usage: usage({ freshInput: 10 }), flags: [] });
  });

  it('clamps reasoning that no total explains', () => {
    expect(usageFromOpenAiChat({ prompt_tokens: 1, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 9 } })).toEqual({
      usage: usage({ freshInput: 1, output: 5, reasoning: 5 }),
      flags: ['reasoning_tokens 9 exceeds completion_tokens 5, which holds it; clamped'],
    });
  });
});

describe('usageFromAnthropic', () => {
  it('adds reads and writes on top of the input', () => {
    const read = usageFromAnthropic({
      input_tokens: 10,
      cache_read_input_tokens: 60,
      cache_creation_input_tokens: 30,
      cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 },
      output_tokens: 7,
      output_tokens_details: { thinking_tokens: 4 },
      service_tier: 'standard',
    });
    expect(read).toEqual({
      usage: usage({ freshInput: 10, cacheRead: 60, cacheWrite5m: 20, cacheWrite1h: 10, output: 7, reasoning: 4 }),
      flags: [],
    });
    expect(inputTotal(read!.usage)).toBe(100);
  });

  it('books written tokens that the breakdown leaves out, and says so', () => {
    expect(
      usageFromAnthropic({
        input_tokens: 1,
        output_tokens: 1,
        cache_creation_input_tokens: 100,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 40 },
      }),
    ).toEqual({
      usage: usage({ freshInput: 1, output: 1, cacheWrite5m: 60, cacheWrite1h: 40 }),
      flags: ['cache_creation names 40 of 100 written tokens; the rest counts as 5-minute writes'],
    });
  });

  it('says that a count is missing', () => {
    expect(usageFromAnthropic({ output_tokens: 4 })?.flags).toEqual(['input_tokens is missing']);
  });
});

describe('mergeStreamedUsage', () => {
  it('takes the largest of each count, inside details too, and never adds', () => {
    expect(
      mergeStreamedUsage(
        { input_tokens: 5, output_tokens: 1, cache_creation: { ephemeral_5m_input_tokens: 3 } },
        { output_tokens: 9, input_tokens: null, cache_creation: { ephemeral_1h_input_tokens: 2 } },
      ),
    ).toEqual({ input_tokens: 5, output_tokens: 9, cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 2 } });
  });

  it('keeps what there is when one side says nothing', () => {
    expect(mergeStreamedUsage(null, { output_tokens: 1 })).toEqual({ output_tokens: 1 });
    expect(mergeStreamedUsage({ output_tokens: 1 }, null)).toEqual({ output_tokens: 1 });
  });
});

it('reads the served tier, and does not guess at an unknown word', () => {
  expect([undefined, 'standard', 'default', 'batch', 'flex', 'priority', 'scale', 7].map(serviceTierOf)).toEqual([
    'default',
    'default',
    'default',
    'batch',
    'flex',
    'priority',
    null,
    null,
  ]);
});

it('makes bookable usage of anything that a vendor may send', () => {
  const count = fc.oneof(fc.integer({ min: -10, max: 1000 }), fc.double(), fc.constant(null), fc.string());
  const anything = fc.dictionary(
    fc.constantFrom(
      'prompt_tokens',
      'completion_tokens',
      'input_tokens',
      'output_tokens',
      'total_tokens',
      'cache_creation_input_tokens',
      'cached_tokens',
    ),
    count,
  );
  const details = fc.dictionary(
    fc.constantFrom(
      'cached_tokens',
      'cache_write_tokens',
      'audio_tokens',
      'reasoning_tokens',
      'ephemeral_5m_input_tokens',
      'ephemeral_1h_input_tokens',
    ),
    count,
  );
  fc.assert(
    fc.property(anything, details, details, (base, first, second) => {
      const body = {
        ...base,
        prompt_tokens_details: first,
        completion_tokens_details: second,
        input_tokens_details: first,
        output_tokens_details: second,
        cache_creation: first,
      };
      for (const read of [usageFromOpenAiChat, usageFromOpenAiResponses, usageFromAnthropic])
        expect(usageProblem(read(body)!.usage)).toBeNull();
    }),
  );
});
