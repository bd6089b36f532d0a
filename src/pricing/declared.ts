import { type NanoUsdPerMillion, SmallfirstError, usdPerMillion } from '../core/index.ts';
import type { ContextStep, ModelRef, PriceClass, PricedModel, Rates, ServiceTier } from './types.ts';

/** A machine that serves a model: what it costs, what it does, and how much of the time it does it. */
export interface Hardware {
  /** Rent or depreciation of the whole host, dollars per hour. */
  readonly usdPerHour: number;
  /** Input and output tokens per second together, at the load that it really runs. */
  readonly tokensPerSecond: number;
  /** Share of paid hours that it is busy, in (0, 1]. */
  readonly utilisation: number;
}

/** Dollars per million tokens by class, as people write them. `input` and `output` are needed for a model that generates. */
export interface UsdPerMillion {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite5m?: number;
  readonly cacheWrite1h?: number;
  readonly reasoning?: number;
  readonly audioInput?: number;
  readonly audioOutput?: number;
}

/** How a declared price is stated: per token class, by the hardware, free, or the same as another model's. */
export type PriceTerms =
  | {
      readonly usdPerMillion: UsdPerMillion;
      readonly usdPerRequest?: number;
      /** Prices for prompts of more than `above` tokens; they hold for the whole request. */
      readonly longContext?: readonly { readonly above: number; readonly usdPerMillion: UsdPerMillion }[];
    }
  | { readonly hardware: Hardware }
  | { readonly free: true }
  | { readonly sameAs: ModelRef };

/** A price that the user declares. It wins over the bundled list from its day on. */
export type PriceRow = {
  readonly provider: string;
  readonly model: string;
  /** First day it holds, `2026-10-01` (UTC); absent: always. */
  readonly from?: string;
  /** Where it comes from, for people: a contract, an invoice, a page. */
  readonly source?: string;
  /** Multipliers of service tiers, such as `{ batch: 0.5 }`. */
  readonly tiers?: Readonly<Partial<Record<Exclude<ServiceTier, 'default'>, number>>>;
} & PriceTerms;

/**
 * What a self-hosted model costs per million tokens: $/h · 10⁶ / (3600 · tokens/s · utilisation). An A40 at $0.44/h,
 * 1,246 tokens/s and 25 % is $0.392. Throws SmallfirstError for numbers that mean nothing.
 */
export function selfHostedPrice(hardware: Hardware): NanoUsdPerMillion {
  const { usdPerHour, tokensPerSecond, utilisation } = hardware;
  if (!(usdPerHour >= 0 && Number.isFinite(usdPerHour))) throw invalid(`usdPerHour must be 0 or more, not ${usdPerHour}`);
  if (!(tokensPerSecond > 0 && Number.isFinite(tokensPerSecond))) throw invalid(`tokensPerSecond must be above 0, not ${tokensPerSecond}`);
  if (!(utilisation > 0 && utilisation <= 1)) throw invalid(`utilisation must be above 0 and at most 1, not ${utilisation}`);
  return usdPerMillion((usdPerHour * 1e6) / (3600 * tokensPerSecond * utilisation));
}

/** The declared rows of one model as versions, oldest first. Throws SmallfirstError (CONFIG_INVALID) for a row that says nothing usable. */
export function declaredModel(rows: readonly PriceRow[]): PricedModel | null {
  const first = rows[0];
  if (!first) return null;
  const sorted = [...rows].sort((a, b) => ((a.from ?? '') < (b.from ?? '') ? -1 : 1));
  return {
    source: 'declared',
    sourceNote: sorted.at(-1)?.source ?? null,
    provider: first.provider,
    model: first.model,
    name: null,
    contextWindow: null,
    deprecated: false,
    versions: sorted.map((row) => ({ from: checkedDay(row), hours: null, steps: stepsOf(row) })),
    tiers: checkedTiers(sorted.at(-1) ?? first),
  };
}

function stepsOf(row: PriceRow): readonly ContextStep[] {
  if ('free' in row) return [{ above: 0, rates: { freshInput: usdPerMillion(0), output: usdPerMillion(0) } }];
  if ('hardware' in row) {
    const price = selfHostedPrice(row.hardware);
    return [{ above: 0, rates: { freshInput: price, output: price } }];
  }
  if ('sameAs' in row) throw invalid(`${nameOf(row)}: sameAs is resolved by the price book`);
  const request = row.usdPerRequest === undefined ? {} : { request: checkedPrice(row, 'usdPerRequest', row.usdPerRequest * 1e6) };
  const base = { above: 0, rates: { ...ratesOf(row, row.usdPerMillion), ...request } };
  if (Object.keys(base.rates).length === 0) throw invalid(`${nameOf(row)}: no price is given; write "free: true" when it costs nothing`);
  const longer = [...(row.longContext ?? [])].sort((a, b) => a.above - b.above);
  return [
    base,
    ...longer.map((step) => {
      if (!Number.isSafeInteger(step.above) || step.above <= 0)
        throw invalid(`${nameOf(row)}: longContext.above must be a count of tokens`);
      return { above: step.above, rates: { ...base.rates, ...ratesOf(row, step.usdPerMillion) } };
    }),
  ];
}

const classes: Readonly<Record<keyof UsdPerMillion, PriceClass>> = {
  input: 'freshInput',
  output: 'output',
  cacheRead: 'cacheRead',
  cacheWrite5m: 'cacheWrite5m',
  cacheWrite1h: 'cacheWrite1h',
  reasoning: 'reasoning',
  audioInput: 'audioInput',
  audioOutput: 'audioOutput',
};

function ratesOf(row: PriceRow, prices: UsdPerMillion): Rates {
  const rates: Partial<Record<PriceClass, NanoUsdPerMillion>> = {};
  for (const [key, priceClass] of Object.entries(classes) as [keyof UsdPerMillion, PriceClass][]) {
    const usd = prices[key];
    if (usd !== undefined) rates[priceClass] = checkedPrice(row, key, usd);
  }
  return rates;
}

function checkedPrice(row: PriceRow, key: string, usd: number): NanoUsdPerMillion {
  if (!Number.isFinite(usd) || usd < 0) throw invalid(`${nameOf(row)}: ${key} must be a number of dollars from 0, not ${usd}`);
  return usdPerMillion(usd);
}

function checkedTiers(row: PriceRow): PricedModel['tiers'] {
  for (const [tier, multiplier] of Object.entries(row.tiers ?? {})) {
    if (!Number.isFinite(multiplier) || multiplier < 0) throw invalid(`${nameOf(row)}: tiers.${tier} must be a multiplier from 0`);
  }
  return row.tiers ?? null;
}

function checkedDay(row: PriceRow): string | null {
  if (row.from === undefined) return null;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(row.from) || Number.isNaN(Date.parse(row.from))) {
    throw invalid(`${nameOf(row)}: from must be a day like 2026-10-01, not "${row.from}"`);
  }
  return row.from;
}

function nameOf(row: PriceRow): string {
  return `price of ${row.provider}/${row.model}`;
}

function invalid(message: string): SmallfirstError {
  return new SmallfirstError('CONFIG_INVALID', message);
}
