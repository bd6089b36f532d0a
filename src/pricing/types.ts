import type { NanoUsd, NanoUsdPerMillion } from '../core/index.ts';

/** How fast the vendor was asked to serve: the same model has another price per tier. */
export type ServiceTier = 'default' | 'batch' | 'flex' | 'priority';

/** A model as the price list finds it: the provider row and the name on the wire. */
export interface ModelRef {
  readonly provider: string;
  readonly model: string;
}

/** What is charged for. The token classes are disjoint: audio and reasoning tokens are not in `freshInput` and `output` here. */
export type PriceClass =
  | 'freshInput'
  | 'audioInput'
  | 'cacheRead'
  | 'cacheWrite5m'
  | 'cacheWrite1h'
  | 'output'
  | 'reasoning'
  | 'audioOutput'
  | 'request';

/** Prices of the classes that a price list states; `ratesRule` says what an absent one means. `request` is per million requests. */
export type Rates = Readonly<Partial<Record<PriceClass, NanoUsdPerMillion>>>;

/** One line of a priced call. `tokens` of the class `request` counts requests. */
export interface PriceLine {
  readonly class: PriceClass;
  readonly tokens: number;
  readonly pricePerMillion: NanoUsdPerMillion;
  readonly cost: NanoUsd;
}

/** What a call costs, and by which price. `cost` is exactly the sum of the lines. */
export interface Priced {
  readonly cost: NanoUsd;
  readonly priceId: string;
  readonly lines: readonly PriceLine[];
}

/** Why something has no price: never silent, because an unpriced call is not a free one. */
export interface PriceWarning {
  readonly kind: 'unpriced-model' | 'unpriced-tier' | 'unpriced-class' | 'invalid-usage';
  readonly provider: string;
  readonly model: string;
  /** One sentence for people: what is missing and what to do. */
  readonly message: string;
}

/** The prices above some prompt size: they hold for the whole request, not only for the tokens above. */
export interface ContextStep {
  /** The step holds for prompts of more tokens than this; 0 for the first. */
  readonly above: number;
  readonly rates: Rates;
}

/** One dated version of a model's price. */
export interface PriceVersion {
  /** First day it holds (UTC), or null for "as long as the list knows". */
  readonly from: string | null;
  /** Hours of the day (UTC, `HH:MM:SSZ`) it is limited to, end exclusive. */
  readonly hours: { readonly start: string; readonly end: string } | null;
  /** Rising by `above`, the first at 0. */
  readonly steps: readonly ContextStep[];
}

/** A model with every version of its price, the winning one last. */
export interface PricedModel {
  /** `genai-prices` for the bundled list, `declared` for the user's own. */
  readonly source: 'genai-prices' | 'declared';
  /** Where a person can check it. */
  readonly sourceNote: string | null;
  readonly provider: string;
  readonly model: string;
  readonly name: string | null;
  readonly contextWindow: number | null;
  readonly deprecated: boolean;
  readonly versions: readonly PriceVersion[];
  /** Multipliers that the user declared per tier. */
  readonly tiers: Readonly<Partial<Record<ServiceTier, number>>> | null;
}
