import { describe, expect, it } from 'vitest';
import { listPrices } from './listing.ts';
import { PriceBook } from './price-book.ts';

const at = Date.parse('2026-11-15');
const book = new PriceBook({
  declared: [
    { provider: 'vllm', model: 'llama', hardware: { usdPerHour: 0.36, tokensPerSecond: 1000, utilisation: 0.5 }, source: 'our rack' },
  ],
  warn: () => {},
});

describe('listPrices', () => {
  it('shows a bundled price with its day, steps and tiers in dollars', () => {
    const { listings } = listPrices(book, { at, provider: 'openai', filter: 'gpt-5.6-luna' });
    expect(listings).toEqual([
      {
        source: 'genai-prices',
        sourceNote: expect.stringContaining('OpenAI reduced Luna prices'),
        provider: 'openai',
        model: 'gpt-5.6-luna',
        title: 'GPT-5.6 Luna',
        from: '2026-07-30',
        hours: null,
        contextWindow: 1_050_000,
        deprecated: false,
        priceId: expect.stringMatching(/^genai-prices:openai:gpt-5\.6-luna@2026-07-30;default;/),
        usdPerMillion: { input: 0.2, cacheRead: 0.02, cacheWrite5m: 0.25, output: 1.2 },
        usdPerRequest: null,
        longContext: [{ above: 271_999, usdPerMillion: { input: 0.4, cacheRead: 0.04, cacheWrite5m: 0.5, output: 1.8 } }],
        tiers: {
          batch: {
            usdPerMillion: { input: 0.1, cacheRead: 0.01, cacheWrite5m: 0.125, output: 0.6 },
            source: expect.stringContaining('guides/batch'),
          },
        },
      },
    ]);
  });

  it('shows declared prices first, and request fees', () => {
    const { listings } = listPrices(book, { at, filter: 'lla' });
    expect(listings[0]).toMatchObject({
      source: 'declared',
      sourceNote: 'our rack',
      provider: 'vllm',
      usdPerMillion: { input: 0.2, output: 0.2 },
    });
    expect(listPrices(book, { at, provider: 'perplexity', filter: 'sonar' }).listings.map((row) => row.usdPerRequest)).toContain(0.014);
  });

  it('lists every model of every provider, priced or not, and nothing of an unknown one', () => {
    const all = listPrices(book, { at });
    expect(all.listings.length + all.unpriced.length).toBeGreaterThan(1600);
    expect(all.unpriced.length).toBeGreaterThan(100);
    expect(listPrices(book, { at, provider: 'nobody' })).toEqual({ listings: [], unpriced: [] });
  });
});
