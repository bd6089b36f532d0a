import { readFileSync } from 'node:fs';
import { calcPrice, findProvider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { nanoUsd, toUsd, usage } from '../core/index.ts';
import { catalogueProviders, findInCatalogue, listCatalogue } from './catalogue.ts';
import { type PriceRow, selfHostedPrice } from './declared.ts';
import { PriceBook } from './price-book.ts';
import { serviceTiers } from './service-tiers.ts';
import { loadTokenizer } from './tokens.ts';
import type { PriceWarning } from './types.ts';

const november = Date.parse('2026-11-15T12:00:00Z');
const million = usage({ freshInput: 1_000_000 });

function bookOf(declared: readonly PriceRow[] = []) {
  const warnings: PriceWarning[] = [];
  return { book: new PriceBook({ declared, warn: (warning) => warnings.push(warning) }), warnings };
}

describe('a price book', () => {
  it('finds a model however its name is capitalised, and keeps providers apart', () => {
    const { book } = bookOf([{ provider: 'own', model: 'gpt-4o-mini', usdPerMillion: { input: 3, output: 4 } }]);
    const costs = [
      { provider: 'openai', model: 'gpt-4o-mini' },
      { provider: 'OpenAI', model: 'GPT-4o-Mini' },
      { provider: 'own', model: 'gpt-4o-mini' },
      { provider: 'openai', model: 'GPT-4O-MINI' },
      { provider: 'Own', model: 'GPT-4o-mini' },
    ].map((model) => book.price(model, million, november)?.cost);
    expect(costs).toEqual([nanoUsd(0.15), nanoUsd(0.15), nanoUsd(3), nanoUsd(0.15), nanoUsd(3)]);
  });
});

describe('the bundled list', () => {
  it('names every provider of the installed package, and no other', () => {
    const text = readFileSync(new URL(import.meta.resolve('@pydantic/genai-prices')), 'utf8');
    const ids = [...text.matchAll(/^ {4}id: "([^"]+)"/gm)].map((match) => match[1]);
    expect(ids.length).toBeGreaterThan(40);
    expect([...catalogueProviders].sort()).toEqual(ids.sort());
  });

  it('gives the same sum as the package itself for every model, at both sides of every date', () => {
    const { book } = bookOf();
    const wrong: string[] = [];
    let compared = 0;
    for (const provider of catalogueProviders) {
      for (const model of findProvider({ providerId: provider })?.models ?? []) {
        for (const day of ['2025-05-01', '2026-02-01', '2026-11-15']) {
          const at = Date.parse(`${day}T02:30:00Z`);
          const theirs = calcPrice(
            {
              input_tokens: 300_000,
              cache_read_tokens: 100_000,
              cache_write_tokens: 50_000,
              cache_write_1h_tokens: 20_000,
              output_tokens: 10_000,
            },
            model.id,
            { providerId: provider, timestamp: new Date(at) },
          );
          const ours = book.price(
            { provider, model: model.id },
            usage({ freshInput: 150_000, cacheRead: 100_000, cacheWrite5m: 30_000, cacheWrite1h: 20_000, output: 10_000 }),
            at,
          );
          // Where a class has no price the package drops its tokens; we give no price at all.
          if (!ours) continue;
          compared += 1;
          if (Math.abs(toUsd(ours.cost) - (theirs?.total_price ?? Number.NaN)) > 1e-8) wrong.push(`${provider}/${model.id} ${day}`);
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(3000);
  });

  it('prices a model under its dated, its prefixed and its other provider name', () => {
    expect(findInCatalogue('openai', 'gpt-5-mini-2025-08-07')?.model).toBe('gpt-5-mini');
    expect(findInCatalogue('openai', 'openai/gpt-4o')?.model).toBe('gpt-4o');
    expect(findInCatalogue('xai', 'grok-3-mini')?.provider).toBe('x-ai');
    expect(findInCatalogue('vllm', 'gpt-4o')).toBeNull();
  });

  it('keeps models that have no price apart', () => {
    const { priced, unpriced } = listCatalogue('openrouter');
    expect(unpriced).toContain('agentica-org/deepcoder-14b-preview:free');
    expect(priced.some((model) => model.model === 'agentica-org/deepcoder-14b-preview:free')).toBe(false);
  });

  it('follows hours of the day where the vendor has them', () => {
    const { book } = bookOf();
    const at = (time: string) =>
      toUsd(book.price({ provider: 'deepseek', model: 'deepseek-chat' }, million, Date.parse(`2025-03-01T${time}Z`))!.cost);
    expect([at('00:29:59'), at('00:30:00'), at('16:29:59'), at('16:30:00')]).toEqual([0.135, 0.27, 0.27, 0.135]);
  });

  it('has service tiers only for models that it knows by exactly that id', () => {
    for (const row of serviceTiers) {
      for (const model of row.models ?? []) expect(findInCatalogue(row.provider, model)?.model).toBe(model);
      expect(catalogueProviders).toContain(row.provider);
      expect(row.source).not.toBe('');
    }
  });
});

describe('a price id', () => {
  it('names source, model, day, tier and context step, and stays the same', () => {
    const { book } = bookOf();
    const id = (model: string, tokens: number, tier: 'default' | 'batch' = 'default') =>
      book.price({ provider: 'openai', model }, usage({ freshInput: tokens }), november, { serviceTier: tier })!.priceId;
    expect(id('gpt-5.6-luna', 5)).toMatch(/^genai-prices:openai:gpt-5\.6-luna@2026-07-30;default;[0-9a-f]{10}$/);
    expect(id('gpt-5.6-luna', 272_000, 'batch')).toMatch(/^genai-prices:openai:gpt-5\.6-luna@2026-07-30;batch;over-271999;[0-9a-f]{10}$/);
    expect(id('gpt-5.6-luna', 6)).toBe(id('gpt-5.6-luna-2026-07-30', 7));
    expect(bookOf().book.price({ provider: 'openai', model: 'gpt-5.6-luna' }, million, november)!.priceId).toBe(
      id('gpt-5.6-luna', 300_000),
    );
  });

  it('changes with the price', () => {
    const idAt = (usdPerHour: number) =>
      bookOf([{ provider: 'vllm', model: 'm', hardware: { usdPerHour, tokensPerSecond: 1000, utilisation: 0.5 } }]).book.price(
        { provider: 'vllm', model: 'm' },
        million,
        november,
      )!.priceId;
    expect(idAt(1)).toBe(idAt(1));
    expect(idAt(1)).not.toBe(idAt(2));
  });

  it('recomputes an old call at the old price, and gives null for a price that is gone', () => {
    const { book } = bookOf();
    const before = book.price({ provider: 'openai', model: 'o3' }, million, Date.parse('2025-05-01'), { serviceTier: 'batch' })!;
    expect(toUsd(before.cost)).toBe(5);
    expect(book.reprice(before.priceId, million)).toEqual(before);
    expect(book.reprice('genai-prices:openai:o3@2025-06-10;default;0000000000', million)).toBeNull();
    expect(book.reprice('nonsense', million)).toBeNull();
  });
});

describe('declared prices', () => {
  it('win over the bundled list from their day on', () => {
    const { book } = bookOf([{ provider: 'openai', model: 'gpt-4o', from: '2026-06-01', usdPerMillion: { input: 2, output: 8 } }]);
    const cost = (day: string) => toUsd(book.price({ provider: 'OpenAI', model: 'gpt-4o' }, million, Date.parse(day))!.cost);
    expect([cost('2026-05-31'), cost('2026-06-01')]).toEqual([2.5, 2]);
  });

  it('price a GPU by the hour: an A40 at $0.44, 1,246 tokens/s and 25 % is $0.392 per million', () => {
    const hardware = { usdPerHour: 0.44, tokensPerSecond: 1246, utilisation: 0.25 };
    expect((selfHostedPrice(hardware) / 1e9).toFixed(3)).toBe('0.392');
    const { book } = bookOf([{ provider: 'vllm', model: 'meta-llama/Llama-3.1-8B-Instruct', hardware }]);
    const priced = book.price(
      { provider: 'vllm', model: 'meta-llama/Llama-3.1-8B-Instruct' },
      usage({ freshInput: 600_000, cacheRead: 200_000, output: 200_000 }),
      november,
    );
    expect(priced!.cost).toBe(selfHostedPrice(hardware));
  });

  it('are free only where someone says so', () => {
    const { book, warnings } = bookOf([{ provider: 'student', model: 'classify', free: true }]);
    expect(book.price({ provider: 'student', model: 'classify' }, million, november)?.cost).toBe(0);
    expect(book.price({ provider: 'student', model: 'other' }, million, november)).toBeNull();
    expect(warnings.map((warning) => warning.kind)).toEqual(['unpriced-model']);
  });

  it('can be the same as another model, for deployments with names of their own and for recordings', () => {
    const { book } = bookOf([{ provider: 'replay', model: 'gpt-4o', sameAs: { provider: 'openai', model: 'gpt-4o' } }]);
    expect(book.price({ provider: 'replay', model: 'gpt-4o' }, million, november)).toEqual(
      book.price({ provider: 'openai', model: 'gpt-4o' }, million, november),
    );
  });

  it('have context steps, request fees and service tiers of their own', () => {
    const { book, warnings } = bookOf([
      {
        provider: 'acme',
        model: 'one',
        usdPerMillion: { input: 1, output: 4, cacheRead: 0.1 },
        usdPerRequest: 0.001,
        longContext: [{ above: 1000, usdPerMillion: { input: 2 } }],
        tiers: { batch: 0.5 },
      },
    ]);
    const acme = { provider: 'acme', model: 'one' };
    expect(book.price(acme, usage({ freshInput: 1000, output: 100 }), november)!.cost).toBe(nanoUsd(0.001 + 0.0004 + 0.001));
    expect(book.price(acme, usage({ freshInput: 1001, output: 100 }), november)!.cost).toBe(nanoUsd(0.002002 + 0.0004 + 0.001));
    expect(book.price(acme, usage({ freshInput: 1000, output: 100 }), november, { serviceTier: 'batch' })!.cost).toBe(
      nanoUsd(0.0007 + 0.001),
    );
    expect(book.price(acme, usage({ freshInput: 1 }), november, { serviceTier: 'flex' })).toBeNull();
    expect(warnings.map((warning) => warning.kind)).toEqual(['unpriced-tier']);
  });

  it.each([
    [{ usdPerMillion: {} }, 'no price is given'],
    [{ usdPerMillion: { input: -1 } }, 'input must be a number of dollars from 0'],
    [{ usdPerMillion: { input: Number.NaN } }, 'input must be a number of dollars from 0'],
    [{ hardware: { usdPerHour: 1, tokensPerSecond: 0, utilisation: 1 } }, 'tokensPerSecond must be above 0'],
    [{ hardware: { usdPerHour: 1, tokensPerSecond: 10, utilisation: 1.5 } }, 'utilisation must be above 0 and at most 1'],
    [{ usdPerMillion: { input: 1 }, from: 'June' }, 'from must be a day like 2026-10-01'],
    [{ usdPerMillion: { input: 1 }, tiers: { batch: -1 } }, 'tiers.batch must be a multiplier'],
  ])('that mean nothing are refused: %j', (row, message) => {
    expect(() => bookOf([{ provider: 'acme', model: 'one', ...row } as PriceRow])).toThrow(message);
  });
});

describe('warnings', () => {
  it('come once per model and reason, and name both', () => {
    const { book, warnings } = bookOf();
    for (let i = 0; i < 5; i += 1) {
      book.price({ provider: 'acme', model: 'nobody' }, million, november);
      book.price({ provider: 'openai', model: 'gpt-4o' }, usage({ freshInput: -1 }), november);
    }
    expect(warnings).toEqual([
      {
        kind: 'unpriced-model',
        provider: 'acme',
        model: 'nobody',
        message:
          'acme/nobody has no known price: its calls count as unpriced, not as free; declare one with the model in the config, or in a price file',
      },
      {
        kind: 'invalid-usage',
        provider: 'openai',
        model: 'gpt-4o',
        message: 'cannot book the usage of openai/gpt-4o: freshInput is -1, not a count of tokens',
      },
    ]);
  });
});

it('counts tokens, and takes text that looks like a special token for text', async () => {
  const count = await loadTokenizer();
  expect([count(''), count('hello world'), count('<|endoftext|>') > 1]).toEqual([0, 2, true]);
});
