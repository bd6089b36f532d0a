import { addUsage, type EpochMs, type NanoUsd, NO_USAGE, type Usage } from '../../core/index.ts';
import { hostedOptions } from '../../finops/index.ts';
import { bookLines, type ModelRef, type PriceBook, type ServiceTier, totalOf } from '../../pricing/index.ts';
import type { TaskProfile } from '../tasks/index.ts';

/** A cheaper model and what it would charge for the tokens of a task. */
export interface Candidate {
  readonly model: ModelRef;
  readonly cost: NanoUsd;
}

/** A model counts as cheaper from this share of the present cost on. */
const CHEAPER = 0.7;

/**
 * The model that a task would be tried on first: the cheapest small one of the vendor that has the data already, else the cheapest small one
 * of another vendor, else the cheapest open one. Null where none is clearly cheaper or where prices are missing. Where inputs are `private`
 * only vendors that have them already are asked.
 */
export function candidateFor(profile: TaskProfile, book: PriceBook, at: EpochMs, isPrivate = false): Candidate | null {
  const vendors = new Set([...profile.models.values()].map(({ provider }) => provider));
  const priced = hostedOptions.flatMap(({ kind, provider, model }) => {
    const cost = costOf({ provider, model }, usageOf(profile), book, at);
    return cost === null || cost > profile.cost * CHEAPER ? [] : [{ kind, model: { provider, model }, cost }];
  });
  const cheapest = (list: typeof priced) => [...list].sort((a, b) => a.cost - b.cost)[0] ?? null;
  const known = cheapest(priced.filter(({ kind, model }) => kind === 'hosted-small' && vendors.has(model.provider)));
  if (known !== null || isPrivate) return known;
  return cheapest(priced.filter(({ kind }) => kind === 'hosted-small')) ?? cheapest(priced);
}

/** What a model charges for tokens at its price for prompts of ordinary length; null without a price. Cached tokens count as fresh ones: caches are not inherited. */
export function costOf(model: ModelRef, usage: Usage, book: PriceBook, at: EpochMs, serviceTier: ServiceTier = 'default'): NanoUsd | null {
  const inForce = book.inForce(model, at, { serviceTier });
  const [step] = inForce?.steps ?? [];
  if (step === undefined) return null;
  const { lines, unpriced } = bookLines(usage, step.rates);
  return unpriced ? null : totalOf(lines);
}

/** The tokens of a task's calls as another model would see them: no cache, no hidden reasoning beside the answer, no audio. */
function usageOf(profile: TaskProfile): Usage {
  const { freshInput, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning } = [...profile.models.values()]
    .filter(({ unpricedCalls, calls }) => unpricedCalls < calls)
    .reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE);
  return { ...NO_USAGE, freshInput: freshInput + cacheRead + cacheWrite5m + cacheWrite1h, output: output - reasoning };
}

/** What the batch tier would charge for a task's calls of the models that have one, and what these calls cost now. */
export function batchCost(profile: TaskProfile, book: PriceBook, at: EpochMs): { readonly now: NanoUsd; readonly batch: NanoUsd } | null {
  let now = 0;
  let batch = 0;
  for (const { provider, model, usage, cost } of profile.models.values()) {
    if (provider === null || cost === 0) continue;
    const [full, half] = (['default', 'batch'] as const).map((tier) => costOf({ provider, model }, usage, book, at, tier));
    if (full == null || half == null || full === 0) continue;
    now += cost;
    // Of what was paid, by the ratio of both tiers today: prices may have changed since.
    batch += Math.round(Math.min(cost, (cost * half) / full));
  }
  return now === 0 ? null : { now: now as NanoUsd, batch: batch as NanoUsd };
}

/** Dollars per million of fresh input and of input from a cache, by the tokens that each model read; null without prices. */
export function inputPrices(
  profile: TaskProfile,
  book: PriceBook,
  at: EpochMs,
): { readonly fresh: number; readonly cached: number } | null {
  let tokens = 0;
  let fresh = 0;
  let cached = 0;
  for (const { provider, model, usage } of profile.models.values()) {
    const rates = provider === null ? undefined : book.inForce({ provider, model }, at)?.steps[0]?.rates;
    if (rates?.freshInput === undefined) continue;
    tokens += usage.freshInput;
    fresh += (usage.freshInput * rates.freshInput) / 1e9;
    cached += (usage.freshInput * (rates.cacheRead ?? rates.freshInput)) / 1e9;
  }
  return tokens === 0 ? null : { fresh: fresh / tokens, cached: cached / tokens };
}
