import type { EpochMs } from '../core/index.ts';
import { catalogueProvider, catalogueProviders, listCatalogue } from './catalogue.ts';
import type { UsdPerMillion } from './declared.ts';
import type { PriceBook, PriceInForce } from './price-book.ts';
import type { PricedModel, Rates, ServiceTier } from './types.ts';

/** A price for people and JSON, in dollars: what the list states; a class that it does not state is absent. */
export interface PriceListing {
  readonly source: PricedModel['source'];
  readonly sourceNote: string | null;
  readonly provider: string;
  readonly model: string;
  readonly title: string | null;
  /** First day of this price (UTC), or null where the list gives none. */
  readonly from: string | null;
  /** Hours of the day (UTC) that it is limited to. */
  readonly hours: { readonly start: string; readonly end: string } | null;
  readonly contextWindow: number | null;
  readonly deprecated: boolean;
  readonly priceId: string;
  readonly usdPerMillion: UsdPerMillion;
  readonly usdPerRequest: number | null;
  /** Prices for prompts of more than `above` tokens; they hold for the whole request. */
  readonly longContext: readonly { readonly above: number; readonly usdPerMillion: UsdPerMillion }[];
  readonly tiers: Readonly<Partial<Record<ServiceTier, { readonly usdPerMillion: UsdPerMillion; readonly source: string }>>>;
}

/** What to list: a provider by any of its names, and a text that provider, model or title hold. */
export interface ListingQuery {
  readonly at: EpochMs;
  readonly provider?: string;
  readonly filter?: string;
}

/** The declared and the bundled prices that fit a query, and the models that the bundled list knows by name only. */
export function listPrices(
  book: PriceBook,
  query: ListingQuery,
): { readonly listings: readonly PriceListing[]; readonly unpriced: readonly { readonly provider: string; readonly model: string }[] } {
  const listings: PriceListing[] = [];
  const unpriced: { provider: string; model: string }[] = [];
  const wanted = query.provider?.toLowerCase();
  const needle = query.filter?.toLowerCase();
  const fits = (provider: string, model: string, title: string | null) =>
    needle === undefined || `${provider}/${model} ${title ?? ''}`.toLowerCase().includes(needle);
  const add = (model: PricedModel) => {
    const inForce = fits(model.provider, model.model, model.name) ? book.quote(model, query.at, 'default') : null;
    if (inForce) listings.push(priceListing(book, inForce, query.at));
  };
  for (const model of book.declared()) if (wanted === undefined || model.provider.toLowerCase() === wanted) add(model);
  const only = wanted === undefined ? null : catalogueProvider(wanted);
  for (const provider of wanted === undefined ? catalogueProviders : only === null ? [] : [only]) {
    const list = listCatalogue(provider);
    for (const model of list.priced) add(model);
    for (const model of list.unpriced) if (fits(provider, model, null)) unpriced.push({ provider, model });
  }
  return { listings, unpriced };
}

/** A price in force with its context steps and service tiers, in dollars. */
export function priceListing(book: PriceBook, inForce: PriceInForce, at: EpochMs): PriceListing {
  const { model, version, steps } = inForce;
  const [base, ...longer] = steps;
  const tiers: Partial<Record<ServiceTier, { usdPerMillion: UsdPerMillion; source: string }>> = {};
  for (const tier of ['batch', 'flex', 'priority'] as const) {
    const quoted = book.quote(model, at, tier);
    if (quoted) tiers[tier] = { usdPerMillion: dollars(quoted.steps[0]?.rates ?? {}), source: quoted.tierSource ?? '' };
  }
  return {
    source: model.source,
    sourceNote: model.sourceNote,
    provider: model.provider,
    model: model.model,
    title: model.name,
    from: version.from,
    hours: version.hours,
    contextWindow: model.contextWindow,
    deprecated: model.deprecated,
    priceId: base?.priceId ?? '',
    usdPerMillion: dollars(base?.rates ?? {}),
    usdPerRequest: base?.rates.request === undefined ? null : base.rates.request / 1e15,
    longContext: longer.map(({ above, rates }) => ({ above, usdPerMillion: dollars(rates) })),
    tiers,
  };
}

const names = {
  freshInput: 'input',
  cacheRead: 'cacheRead',
  cacheWrite5m: 'cacheWrite5m',
  cacheWrite1h: 'cacheWrite1h',
  output: 'output',
  reasoning: 'reasoning',
  audioInput: 'audioInput',
  audioOutput: 'audioOutput',
} as const;

function dollars(rates: Rates): UsdPerMillion {
  const usd: { -readonly [key in keyof UsdPerMillion]: UsdPerMillion[key] } = {};
  for (const [priceClass, name] of Object.entries(names) as [keyof typeof names, keyof UsdPerMillion][]) {
    const rate = rates[priceClass];
    if (rate !== undefined) usd[name] = rate / 1e9;
  }
  return usd;
}
