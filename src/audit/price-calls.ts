import { type EpochMs, inputTotal, type NanoUsd, type Usage, ZERO_USD } from '../core/index.ts';
import type { PriceBook, ServiceTier } from '../pricing/index.ts';
import type { CallDraft } from './import-types.ts';
import { type Served, servedBy } from './provider-names.ts';
import type { UnpricedReason } from './types.ts';

/** What a call or a total costs by our prices, and whose it is. */
export interface PricedRow {
  readonly provider: string | null;
  /** The model that the price is for: the one that answered where it has a price, else the requested one. */
  readonly pricedModel: string;
  readonly cost: NanoUsd | null;
  readonly priceId: string | null;
  readonly unpriced: UnpricedReason | null;
}

/** $100,000: no call costs that. Counts or costs beyond it are a broken log's, and would drown everything else. */
const MOST_FOR_A_CALL = 1e14;

/** What a log says that a call cost, where that can be. */
export function crediblePrice(cost: NanoUsd | null): NanoUsd | null {
  return cost !== null && cost >= 0 && cost <= MOST_FOR_A_CALL ? cost : null;
}

/** Names that clients make up end up in the cache: past this many it starts again. */
const CACHED = 10_000;

/** Prices calls as of their time. What no vendor charged costs 0: an answer out of the application's own cache, a failure without counts. */
export class CallPricer {
  readonly #book: PriceBook;
  readonly #now: EpochMs;
  readonly #served = new Map<string, Served>();

  constructor(book: PriceBook, now: EpochMs) {
    this.#book = book;
    this.#now = now;
  }

  price(draft: CallDraft): PricedRow {
    const requested = this.#whose(draft.provider, draft.model);
    const answered =
      draft.servedModel === null || draft.servedModel === draft.model ? null : this.#whose(draft.provider, draft.servedModel);
    const provider = requested.provider ?? answered?.provider ?? null;
    const nothing = { provider, pricedModel: draft.model || (draft.servedModel ?? ''), priceId: null };
    if (draft.settled !== null) return { ...nothing, ...draft.settled, unpriced: null };
    if (draft.status === 'cached') return { ...nothing, cost: ZERO_USD, unpriced: null };
    if (draft.usage === null) {
      const isFree = draft.status === 'error';
      return { ...nothing, cost: isFree ? ZERO_USD : null, unpriced: isFree ? null : 'no-usage' };
    }
    if (draft.status === 'error' && inputTotal(draft.usage) + draft.usage.output === 0)
      return { ...nothing, cost: ZERO_USD, unpriced: null };
    // What answered is what is paid; the requested name is often an alias that only the proxy knows.
    for (const served of answered === null ? [requested] : [answered, requested]) {
      const priced = this.usage(served, draft.usage, draft.at, draft.serviceTier);
      if (priced !== null && crediblePrice(priced.cost) === null) return { ...nothing, cost: null, unpriced: 'no-usage' };
      if (priced !== null) return { provider: served.provider, pricedModel: served.model, ...priced, unpriced: null };
    }
    return { ...nothing, cost: null, unpriced: nothing.pricedModel === '' ? 'no-model' : 'no-price' };
  }

  /** What counts of a model cost at a time; null where they have no price, or more than can be counted. */
  usage(
    served: Served,
    usage: Usage,
    at: EpochMs | null,
    serviceTier: ServiceTier,
  ): { readonly cost: NanoUsd; readonly priceId: string } | null {
    if (served.provider === null || served.model === '') return null;
    try {
      return this.#book.price({ provider: served.provider, model: served.model }, usage, at ?? this.#now, { serviceTier });
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  }

  #whose(provider: string | null, model: string): Served {
    const key = `${provider ?? ''}\n${model}`;
    const known = this.#served.get(key);
    if (known !== undefined) return known;
    const served = servedBy(provider, model);
    if (this.#served.size >= CACHED) this.#served.clear();
    this.#served.set(key, served);
    return served;
  }
}
