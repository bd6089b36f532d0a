import type { PriceBook } from './price-book.ts';
import type { ServiceTier } from './types.ts';

/** The same prices where every call to a provider is sold in one service tier, whatever tier is asked about. */
export function atServiceTiers(prices: Pick<PriceBook, 'price'>, tierOf: (provider: string) => ServiceTier): Pick<PriceBook, 'price'> {
  return { price: (model, usage, at) => prices.price(model, usage, at, { serviceTier: tierOf(model.provider) }) };
}
