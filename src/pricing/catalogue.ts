import { calcPrice, findProvider, type ModelInfo, type ModelPrice } from '@pydantic/genai-prices';
import { type NanoUsdPerMillion, usdPerMillion } from '../core/index.ts';
import type { ContextStep, PriceClass, PricedModel, PriceVersion, Rates } from './types.ts';

/** Providers of the bundled list, by its own ids. A test compares this with the installed package. */
export const catalogueProviders: readonly string[] = [
  ...['anthropic', 'arcee', 'avian', 'aws', 'azure', 'baseten', 'cerebras', 'cloudflare', 'cohere', 'cursor', 'deepseek', 'doubleword'],
  ...['fireworks', 'github-copilot', 'google', 'groq', 'huggingface_cerebras', 'huggingface_fireworks-ai', 'huggingface_groq'],
  ...['huggingface_hyperbolic', 'huggingface_nebius', 'huggingface_novita', 'huggingface_nscale', 'huggingface_ovhcloud'],
  ...['huggingface_publicai', 'huggingface_sambanova', 'huggingface_together', 'minimax', 'mistral', 'modal', 'moonshotai', 'novita'],
  ...['openai', 'openrouter', 'ovhcloud', 'perplexity', 'quicksilverpro', 'together', 'typesafe', 'voyageai', 'x-ai', 'zai', 'zhipuai'],
];

/** Other names of the same providers. Nothing else is guessed: the list's own search takes `my-openai-proxy` for OpenAI. */
const aliases: Readonly<Record<string, string>> = {
  'aws-bedrock': 'aws',
  bedrock: 'aws',
  'azure-openai': 'azure',
  gemini: 'google',
  'google-vertex': 'google',
  vertex: 'google',
  'fireworks-ai': 'fireworks',
  moonshot: 'moonshotai',
  'together-ai': 'together',
  togetherai: 'together',
  xai: 'x-ai',
};

/** Price keys of the list that we book, by our class. Keys for searches, pages, hours and images are not token classes of ours. */
const keys: readonly (readonly [string, PriceClass])[] = [
  ['input_mtok', 'freshInput'],
  ['input_audio_mtok', 'audioInput'],
  ['cache_read_mtok', 'cacheRead'],
  ['cache_write_mtok', 'cacheWrite5m'],
  ['cache_write_1h_mtok', 'cacheWrite1h'],
  ['output_mtok', 'output'],
  ['output_reasoning_mtok', 'reasoning'],
  ['output_audio_mtok', 'audioOutput'],
];

/** The bundled list's id for a provider, or null when it does not know that provider. */
export function catalogueProvider(provider: string): string | null {
  const id = provider.trim().toLowerCase();
  const known = aliases[id] ?? id;
  return catalogueProviders.includes(known) ? known : null;
}

/** Finds a model in the bundled list by the list's own matching rules; null when it is not there or has no price. */
export function findInCatalogue(provider: string, model: string): PricedModel | null {
  const id = catalogueProvider(provider);
  if (id === null) return null;
  // Some people write `openai/gpt-4o` for the provider `openai`.
  const names = model.toLowerCase().startsWith(`${id}/`) ? [model, model.slice(id.length + 1)] : [model];
  for (const name of names) {
    const found = calcPrice({}, name, { providerId: id, timestamp: new Date(0) });
    if (found) return pricedModel(found.provider.id, found.model);
  }
  return null;
}

/** The model of the bundled list with exactly this id, or null: ids do not always match their own search rule. */
export function catalogueModel(provider: string, id: string): PricedModel | null {
  if (!catalogueProviders.includes(provider)) return null;
  const model = findProvider({ providerId: provider })?.models.find((item) => item.id === id);
  return model ? pricedModel(provider, model) : null;
}

/** Every model of one provider of the bundled list; those without a usable price are in `unpriced`. */
export function listCatalogue(provider: string): { readonly priced: readonly PricedModel[]; readonly unpriced: readonly string[] } {
  const priced: PricedModel[] = [];
  const unpriced: string[] = [];
  for (const model of findProvider({ providerId: provider })?.models ?? []) {
    const entry = pricedModel(provider, model);
    if (entry) priced.push(entry);
    else unpriced.push(model.id);
  }
  return { priced, unpriced };
}

function pricedModel(provider: string, model: ModelInfo): PricedModel | null {
  const versions = (Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }]).map((item): PriceVersion => {
    const constraint = 'constraint' in item ? item.constraint : undefined;
    return {
      from: constraint?.type === 'start_date' ? constraint.start_date : null,
      hours: constraint?.type === 'time_of_date' ? { start: constraint.start_time, end: constraint.end_time } : null,
      steps: contextSteps(item.prices),
    };
  });
  // The list writes an empty price for models it only knows by name; its own sum for them is 0, which would look free.
  if (versions.every((version) => version.steps.every((step) => Object.keys(step.rates).length === 0))) return null;
  return {
    source: 'genai-prices',
    sourceNote: model.price_comments ?? null,
    provider,
    model: model.id,
    name: model.name ?? null,
    contextWindow: model.context_window ?? null,
    deprecated: model.deprecated ?? false,
    versions,
    tiers: null,
  };
}

function contextSteps(prices: ModelPrice): readonly ContextStep[] {
  const starts = new Set([0]);
  for (const [key] of keys) {
    const price = prices[key];
    if (typeof price === 'object') for (const tier of price.tiers) starts.add(tier.start);
  }
  return [...starts].sort((a, b) => a - b).map((above) => ({ above, rates: ratesAbove(prices, above) }));
}

function ratesAbove(prices: ModelPrice, above: number): Rates {
  const rates: Partial<Record<PriceClass, NanoUsdPerMillion>> = {};
  for (const [key, priceClass] of keys) {
    const price = prices[key];
    if (price === undefined) continue;
    let usd = typeof price === 'number' ? price : price.base;
    if (typeof price === 'object') {
      for (const tier of [...price.tiers].sort((a, b) => a.start - b.start)) if (tier.start <= above && above > 0) usd = tier.price;
    }
    rates[priceClass] = usdPerMillion(usd);
  }
  const perThousandRequests = prices.requests_kcount;
  if (typeof perThousandRequests === 'number') rates.request = usdPerMillion(perThousandRequests * 1000);
  return rates;
}
