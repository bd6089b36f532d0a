import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUsd, inputTotal, type NanoUsd, nanoUsd, toUsd, type Usage, usage } from '../core/index.ts';
import {
  mergeStreamedUsage,
  type NormalisedUsage,
  usageFromAnthropic,
  usageFromOpenAiChat,
  usageFromOpenAiResponses,
} from './normalise.ts';
import { PriceBook } from './price-book.ts';
import type { PriceWarning, ServiceTier } from './types.ts';

const at = (day: string) => Date.parse(`${day}T12:00:00Z`);

interface Golden {
  readonly bug: string;
  readonly provider: string;
  readonly model: string;
  readonly day: string;
  readonly tier?: ServiceTier;
  readonly read: NormalisedUsage | null;
  /** Worked out by hand from the vendor's page, in dollars; null where the call has no price. */
  readonly usd: number | null;
  readonly sum: string;
}

const opus5 = { provider: 'anthropic', model: 'claude-opus-5-20260701', day: '2026-11-01' };
const gpt4o = { provider: 'openai', model: 'gpt-4o-2024-08-06', day: '2026-11-01' };

/** The field's known cost bugs, a case each (what other tools got wrong: cached tokens, cache writes, streams, tiers, steps, reasoning). */
const golden: readonly Golden[] = [
  {
    bug: 'OpenAI counts cached tokens inside the prompt: counting them twice costs too much',
    ...gpt4o,
    read: usageFromOpenAiChat({ prompt_tokens: 10_000, completion_tokens: 500, prompt_tokens_details: { cached_tokens: 8_000 } }),
    usd: 0.02,
    sum: '2,000 × 2.50 + 8,000 × 1.25 + 500 × 10',
  },
  {
    bug: 'Anthropic counts cached tokens outside the input: taking them away prices them at zero',
    ...opus5,
    read: usageFromAnthropic({ input_tokens: 2_000, cache_read_input_tokens: 8_000, cache_creation_input_tokens: 0, output_tokens: 500 }),
    usd: 0.0265,
    sum: '2,000 × 5 + 8,000 × 0.50 + 500 × 25',
  },
  {
    bug: 'more cached than fresh tokens at Anthropic is ordinary, and never a negative price',
    ...opus5,
    read: usageFromAnthropic({ input_tokens: 3, cache_read_input_tokens: 100_000, output_tokens: 1 }),
    usd: 0.05004,
    sum: '3 × 5 + 100,000 × 0.50 + 1 × 25',
  },
  {
    bug: 'a five-minute cache write costs 1.25 × the input, a one-hour write 2 ×',
    ...opus5,
    read: usageFromAnthropic({
      input_tokens: 100,
      cache_creation_input_tokens: 3_000,
      cache_creation: { ephemeral_5m_input_tokens: 1_000, ephemeral_1h_input_tokens: 2_000 },
      output_tokens: 10,
    }),
    usd: 0.027,
    sum: '100 × 5 + 1,000 × 6.25 + 2,000 × 10 + 10 × 25',
  },
  {
    bug: 'a cache write without its breakdown is a five-minute write, not a free one',
    ...opus5,
    read: usageFromAnthropic({ input_tokens: 0, cache_creation_input_tokens: 4_000, output_tokens: 0 }),
    usd: 0.025,
    sum: '4,000 × 6.25',
  },
  {
    bug: 'OpenAI cache writes are inside the prompt and cost 1.25 × the input',
    provider: 'openai',
    model: 'gpt-6-luna',
    day: '2026-11-01',
    read: usageFromOpenAiResponses({
      input_tokens: 10_000,
      input_tokens_details: { cached_tokens: 4_000, cache_write_tokens: 5_000 },
      output_tokens: 1_000,
    }),
    usd: 0.001265,
    sum: '1,000 × 0.10 + 4,000 × 0.01 + 5,000 × 0.125 + 1,000 × 0.50',
  },
  {
    bug: 'a cache write at a vendor that states no price for it costs the input price, and is not dropped',
    ...gpt4o,
    read: usageFromOpenAiChat({ prompt_tokens: 1_000, completion_tokens: 0, prompt_tokens_details: { cache_write_tokens: 600 } }),
    usd: 0.0025,
    sum: '400 × 2.50 + 600 × 2.50',
  },
  {
    bug: 'streamed usage is cumulative: adding message_start and message_delta counts the input twice',
    ...opus5,
    read: usageFromAnthropic(
      mergeStreamedUsage(
        mergeStreamedUsage(
          { input_tokens: 1_000, cache_read_input_tokens: 2_000, cache_creation_input_tokens: 0, output_tokens: 1 },
          { output_tokens: 40 },
        ),
        { input_tokens: 1_000, cache_read_input_tokens: 2_000, output_tokens: 100 },
      ),
    ),
    usd: 0.0085,
    sum: '1,000 × 5 + 2,000 × 0.50 + 100 × 25',
  },
  {
    bug: 'a later chunk with zeros does not wipe out what the first one said',
    ...opus5,
    read: usageFromAnthropic(mergeStreamedUsage({ input_tokens: 1_000, output_tokens: 1 }, { input_tokens: 0, output_tokens: 100 })),
    usd: 0.0075,
    sum: '1,000 × 5 + 100 × 25',
  },
  {
    bug: 'the OpenAI batch tier halves every class, cached input included',
    ...gpt4o,
    tier: 'batch',
    read: usageFromOpenAiChat({ prompt_tokens: 10_000, completion_tokens: 500, prompt_tokens_details: { cached_tokens: 8_000 } }),
    usd: 0.01,
    sum: 'half of 0.02',
  },
  {
    bug: 'the Anthropic batch tier halves cache reads and writes as well',
    ...opus5,
    tier: 'batch',
    read: usageFromAnthropic({ input_tokens: 1_000, cache_read_input_tokens: 2_000, cache_creation_input_tokens: 800, output_tokens: 100 }),
    usd: 0.00675,
    sum: 'half of (1,000 × 5 + 2,000 × 0.50 + 800 × 6.25 + 100 × 25)',
  },
  {
    bug: 'at Google the batch discount does not stack on the cache discount',
    provider: 'google',
    model: 'gemini-2.5-flash',
    day: '2026-11-01',
    tier: 'batch',
    read: usageFromOpenAiChat({ prompt_tokens: 10_000, completion_tokens: 1_000, prompt_tokens_details: { cached_tokens: 5_000 } }),
    usd: 0.00215,
    sum: '5,000 × 0.15 + 5,000 × 0.03 + 1,000 × 1.25',
  },
  {
    bug: 'the priority tier has prices of its own',
    provider: 'openai',
    model: 'gpt-5-mini',
    day: '2026-11-01',
    tier: 'priority',
    read: usageFromOpenAiChat({ prompt_tokens: 10_000, completion_tokens: 1_000, prompt_tokens_details: { cached_tokens: 2_000 } }),
    usd: 0.00729,
    sum: '8,000 × 0.45 + 2,000 × 0.045 + 1,000 × 3.60',
  },
  {
    bug: 'the flex tier costs what batch costs',
    provider: 'openai',
    model: 'o3',
    day: '2026-11-01',
    tier: 'flex',
    read: usageFromOpenAiChat({ prompt_tokens: 10_000, completion_tokens: 1_000 }),
    usd: 0.014,
    sum: '10,000 × 1 + 1,000 × 4',
  },
  {
    bug: 'a prompt at the context step is still at the lower price',
    provider: 'openai',
    model: 'gpt-6-sol',
    day: '2026-11-01',
    read: usageFromOpenAiChat({ prompt_tokens: 272_000, completion_tokens: 1_000 }),
    usd: 0.554,
    sum: '272,000 × 2 + 1,000 × 10',
  },
  {
    bug: 'above the context step the whole request costs more, the output too',
    provider: 'openai',
    model: 'gpt-6-sol',
    day: '2026-11-01',
    read: usageFromOpenAiChat({ prompt_tokens: 272_001, completion_tokens: 1_000 }),
    usd: 1.103004,
    sum: '272,001 × 4 + 1,000 × 15',
  },
  {
    bug: 'the context step counts the cached part of the prompt too',
    provider: 'anthropic',
    model: 'claude-sonnet-4-5-20250929',
    day: '2026-01-15',
    read: usageFromAnthropic({ input_tokens: 10_000, cache_read_input_tokens: 190_001, output_tokens: 1_000 }),
    usd: 0.1965006,
    sum: '10,000 × 6 + 190,001 × 0.60 + 1,000 × 22.50',
  },
  {
    bug: 'batch and context step multiply',
    provider: 'openai',
    model: 'gpt-6-sol',
    day: '2026-11-01',
    tier: 'batch',
    read: usageFromOpenAiChat({ prompt_tokens: 300_000, completion_tokens: 1_000 }),
    usd: 0.6075,
    sum: 'half of (300,000 × 4 + 1,000 × 15)',
  },
  {
    bug: 'reasoning tokens are inside the output: they are paid once',
    provider: 'openai',
    model: 'gpt-5-mini',
    day: '2026-11-01',
    read: usageFromOpenAiChat({
      prompt_tokens: 1_000,
      completion_tokens: 2_000,
      completion_tokens_details: { reasoning_tokens: 1_600 },
      total_tokens: 3_000,
    }),
    usd: 0.00425,
    sum: '1,000 × 0.25 + 2,000 × 2',
  },
  {
    bug: 'a vendor that counts reasoning outside the completion is told by its total',
    provider: 'x-ai',
    model: 'grok-3-mini',
    day: '2026-11-01',
    read: usageFromOpenAiChat({
      prompt_tokens: 1_000,
      completion_tokens: 100,
      completion_tokens_details: { reasoning_tokens: 900 },
      total_tokens: 2_000,
    }),
    usd: 0.0008,
    sum: '1,000 × 0.30 + (100 + 900) × 0.50',
  },
  {
    bug: 'a price with a class of its own for reasoning uses it, and only for that part',
    provider: 'perplexity',
    model: 'sonar-deep-research',
    day: '2026-11-01',
    read: usageFromOpenAiChat({ prompt_tokens: 1_000, completion_tokens: 2_000, completion_tokens_details: { reasoning_tokens: 1_500 } }),
    usd: 0.0105,
    sum: '1,000 × 2 + 500 × 8 + 1,500 × 3',
  },
  {
    bug: 'a fee per request is part of the bill',
    provider: 'perplexity',
    model: 'sonar-pro',
    day: '2026-11-01',
    read: usageFromOpenAiChat({ prompt_tokens: 1_000, completion_tokens: 200 }),
    usd: 0.02,
    sum: '1,000 × 3 + 200 × 15 + 0.014',
  },
  {
    bug: 'audio tokens have their own price and are not paid as text as well',
    provider: 'openai',
    model: 'gpt-realtime',
    day: '2026-11-01',
    read: usageFromOpenAiResponses({
      input_tokens: 1_000,
      input_tokens_details: { audio_tokens: 800 },
      output_tokens: 500,
      output_tokens_details: { audio_tokens: 400 },
    }),
    usd: 0.0536,
    sum: '200 × 4 + 800 × 32 + 100 × 16 + 400 × 64',
  },
  {
    bug: 'a price change holds from its day: before',
    provider: 'openai',
    model: 'gpt-5.6-luna',
    day: '2026-07-29',
    read: usageFromOpenAiChat({ prompt_tokens: 10_000, completion_tokens: 1_000 }),
    usd: 0.016,
    sum: '10,000 × 1 + 1,000 × 6',
  },
  {
    bug: 'a price change holds from its day: after',
    provider: 'openai',
    model: 'gpt-5.6-luna',
    day: '2026-07-30',
    read: usageFromOpenAiChat({ prompt_tokens: 10_000, completion_tokens: 1_000 }),
    usd: 0.0032,
    sum: '10,000 × 0.20 + 1,000 × 1.20',
  },
  {
    bug: 'an unknown model is unpriced, never free',
    provider: 'openai',
    model: 'gpt-99-unheard-of',
    day: '2026-11-01',
    read: usageFromOpenAiChat({ prompt_tokens: 10, completion_tokens: 1 }),
    usd: null,
    sum: 'no price',
  },
  {
    bug: 'a model that the list only knows by name (an empty price) is unpriced: the list itself says 0',
    provider: 'openrouter',
    model: 'agentica-org/deepcoder-14b-preview:free',
    day: '2026-11-01',
    read: usageFromOpenAiChat({ prompt_tokens: 10, completion_tokens: 1 }),
    usd: null,
    sum: 'no price',
  },
  {
    bug: 'a provider that merely sounds like a vendor does not get its prices',
    provider: 'my-openai-proxy',
    model: 'gpt-4o',
    day: '2026-11-01',
    read: usageFromOpenAiChat({ prompt_tokens: 10, completion_tokens: 1 }),
    usd: null,
    sum: 'no price',
  },
  {
    bug: 'a service tier without a known price is unpriced, not default',
    ...opus5,
    tier: 'priority',
    read: usageFromAnthropic({ input_tokens: 10, output_tokens: 1 }),
    usd: null,
    sum: 'no price',
  },
  {
    bug: 'output of a model that has an input price only makes the call unpriced; nothing is dropped',
    provider: 'openai',
    model: 'text-embedding-3-small',
    day: '2026-11-01',
    read: usageFromOpenAiChat({ prompt_tokens: 10, completion_tokens: 1 }),
    usd: null,
    sum: 'no price',
  },
];

describe('golden bills', () => {
  it.each(golden)('$bug', ({ provider, model, day, tier, read, usd }) => {
    const warnings: PriceWarning[] = [];
    const book = new PriceBook({ warn: (warning) => warnings.push(warning) });
    const priced = book.price({ provider, model }, (read as NormalisedUsage).usage, at(day), tier ? { serviceTier: tier } : {});
    expect(priced === null ? null : toUsd(priced.cost)).toBe(usd);
    expect(warnings).toHaveLength(usd === null ? 1 : 0);
  });

  it('adds up to the dollar over the whole table', () => {
    const book = new PriceBook({ warn: () => {} });
    const rows = golden.map(({ provider, model, day, tier, read }) =>
      book.price({ provider, model }, (read as NormalisedUsage).usage, at(day), tier ? { serviceTier: tier } : {}),
    );
    const bill = addUsd(...rows.map((row) => row?.cost ?? (0 as NanoUsd)));
    expect(bill).toBe(nanoUsd(golden.reduce((sum, row) => sum + Math.round((row.usd ?? 0) * 1e9), 0) / 1e9));
  });
});

const tokens = fc.integer({ min: 0, max: 2_000_000 });
const anyUsage: fc.Arbitrary<Usage> = fc
  .record({
    fresh: tokens,
    read: tokens,
    five: tokens,
    hour: tokens,
    out: tokens,
    a: fc.double({ min: 0, max: 1, noNaN: true }),
    b: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ fresh, read, five, hour, out, a, b }) =>
    usage({
      freshInput: fresh,
      cacheRead: read,
      cacheWrite5m: five,
      cacheWrite1h: hour,
      output: out,
      reasoning: Math.floor(out * a),
      audioInput: Math.floor(fresh * b),
      audioOutput: Math.floor(out * b),
    }),
  );
const anyModel = fc.constantFrom(
  { provider: 'openai', model: 'gpt-6-sol' },
  { provider: 'openai', model: 'gpt-realtime' },
  { provider: 'anthropic', model: 'claude-opus-5' },
  { provider: 'perplexity', model: 'sonar-deep-research' },
  { provider: 'groq', model: 'llama-3.1-8b-instant' },
);

describe('every bill', () => {
  const book = new PriceBook({ warn: () => {} });

  it('is the sum of its lines, books every token once, and can be recomputed from its price id', () => {
    fc.assert(
      fc.property(anyModel, anyUsage, (model, used) => {
        const priced = book.price(model, used, at('2026-11-01'));
        if (!priced) throw new Error('unpriced');
        const lines = priced.lines.filter((line) => line.class !== 'request');
        expect(priced.lines.reduce((sum, line) => sum + line.cost, 0)).toBe(priced.cost);
        expect(lines.reduce((sum, line) => sum + line.tokens, 0)).toBe(inputTotal(used) + used.output);
        expect(book.reprice(priced.priceId, used)).toEqual(priced);
        expect(priced.lines.every((line) => line.cost >= 0 && Number.isSafeInteger(line.cost))).toBe(true);
      }),
    );
  });

  it('never costs less for more tokens of a class', () => {
    fc.assert(
      fc.property(anyModel, anyUsage, tokens, (model, used, more) => {
        const cost = (u: Usage) => book.price(model, u, at('2026-11-01'))?.cost ?? Number.NaN;
        expect(cost({ ...used, output: used.output + more })).toBeGreaterThanOrEqual(cost(used));
        expect(cost({ ...used, freshInput: used.freshInput + more })).toBeGreaterThanOrEqual(cost(used));
      }),
    );
  });
});
