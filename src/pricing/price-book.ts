import { contentHash, type EpochMs, inputTotal, type NanoUsdPerMillion, type Usage, usdPerMillion } from '../core/index.ts';
import { catalogueModel, findInCatalogue } from './catalogue.ts';
import { declaredModel, type PriceRow } from './declared.ts';
import { bookLines, totalOf, usageProblem } from './rates.ts';
import { serviceTiers, type TierRow } from './service-tiers.ts';
import type { ContextStep, ModelRef, PriceClass, Priced, PricedModel, PriceVersion, PriceWarning, ServiceTier } from './types.ts';

/** What a price book is made of. */
export interface PriceBookOptions {
  /** The user's own prices; they win over the bundled list from their day on. */
  readonly declared?: readonly PriceRow[];
  /** Service tiers; the bundled rows unless given. */
  readonly tiers?: readonly TierRow[];
  /** Called once per model and reason when something has no price. Such a call costs null, never 0. */
  readonly warn: (warning: PriceWarning) => void;
}

/** Which price is in force, with an id that stays the same as long as the price does. */
export interface PriceInForce {
  readonly model: PricedModel;
  readonly version: PriceVersion;
  readonly steps: readonly (ContextStep & { readonly priceId: string })[];
  readonly tier: ServiceTier;
  /** Where the tier's price comes from; null for the default tier. */
  readonly tierSource: string | null;
}

/** Client-made model names end up in the caches: past this many they start again, so that they cannot grow without end. */
const CACHED_MODELS = 10_000;

/**
 * Every known price: the user's own, then the bundled dated list, with service tiers on top. Pure but for its caches
 * and `warn`: the same model, usage and time always cost the same.
 */
export class PriceBook {
  readonly #declared = new Map<string, PricedModel>();
  readonly #aliases = new Map<string, ModelRef>();
  readonly #tiers: readonly TierRow[];
  readonly #warn: (warning: PriceWarning) => void;
  readonly #warned = new Set<string>();
  /** By provider, then by model, as callers write them: no key is put together for a call. */
  readonly #models = new Map<string, Map<string, readonly PricedModel[]>>();
  #cachedModels = 0;
  readonly #sheets = new WeakMap<PriceVersion, Map<string, PriceInForce>>();

  /** Throws SmallfirstError (CONFIG_INVALID) for a declared row that cannot be a price. */
  constructor(options: PriceBookOptions) {
    this.#tiers = options.tiers ?? serviceTiers;
    this.#warn = options.warn;
    const rows = new Map<string, PriceRow[]>();
    for (const row of options.declared ?? []) {
      const key = keyOf(row);
      if ('sameAs' in row) this.#aliases.set(key, row.sameAs);
      else rows.set(key, [...(rows.get(key) ?? []), row]);
    }
    for (const [key, list] of rows) {
      const model = declaredModel(list);
      if (model) this.#declared.set(key, model);
    }
  }

  /**
   * What a usage costs at a time, line by line; null, with a warning once per model, when any of its tokens has no price.
   * Tokens of a cache class without a price of its own cost what `fallbacks` says. The context step follows the whole prompt.
   */
  price(model: ModelRef, usage: Usage, at: EpochMs, options: { readonly serviceTier?: ServiceTier } = {}): Priced | null {
    const inForce = this.inForce(model, at, options);
    if (!inForce) return null;
    const problem = usageProblem(usage);
    if (problem) return this.#unpriced('invalid-usage', model, `cannot book the usage of ${nameOf(model)}: ${problem}`);
    const prompt = inputTotal(usage);
    const step = inForce.steps.findLast(({ above }) => prompt > above) ?? inForce.steps[0];
    if (!step) return null;
    const { lines, unpriced } = bookLines(usage, step.rates);
    if (unpriced) return this.#unpriced('unpriced-class', model, `${nameOf(model)} has no price for ${unpriced} tokens; ${DECLARE}`);
    return { cost: totalOf(lines), priceId: step.priceId, lines };
  }

  /** The price in force for a model at a time; null, with a warning once per model, when there is none. */
  inForce(model: ModelRef, at: EpochMs, options: { readonly serviceTier?: ServiceTier } = {}): PriceInForce | null {
    const tier = options.serviceTier ?? 'default';
    for (const candidate of this.#find(model)) {
      const version = versionAt(candidate, at);
      if (!version) continue;
      const inForce = this.#quoteVersion(candidate, version, at, tier);
      if (inForce) return inForce;
      return this.#unpriced('unpriced-tier', model, `${nameOf(model)} has no known price in the service tier "${tier}"; ${DECLARE}`);
    }
    return this.#unpriced(
      'unpriced-model',
      model,
      `${nameOf(model)} has no known price: its calls count as unpriced, not as free; ${DECLARE}`,
    );
  }

  /** The price of a model already found, at a time and tier; null, without a warning, when it has none then. */
  quote(model: PricedModel, at: EpochMs, tier: ServiceTier): PriceInForce | null {
    const version = versionAt(model, at);
    return version ? this.#quoteVersion(model, version, at, tier) : null;
  }

  #quoteVersion(model: PricedModel, version: PriceVersion, at: EpochMs, tier: ServiceTier): PriceInForce | null {
    if (tier === 'default') return this.#cachedSheet(model, version, tier, null);
    const declared = model.tiers?.[tier];
    if (declared !== undefined) return this.#cachedSheet(model, version, tier, { multiplier: declared, source: 'declared' });
    if (model.source === 'declared') return null;
    const row = tierRow(this.#tiers, model, tier, at);
    return row ? this.#cachedSheet(model, version, tier, row) : null;
  }

  /** Books a usage again by the id that a call was recorded with; null when no source has exactly that price any more. */
  reprice(priceId: string, usage: Usage): Priced | null {
    const [, provider, model] = /^[a-z-]+:([^:]*):(.*)@[^@]*$/.exec(priceId) ?? [];
    if (provider === undefined || model === undefined) return null;
    const exact = catalogueModel(provider, model);
    for (const candidate of [...this.#find({ provider, model }), ...(exact ? [exact] : [])]) {
      for (const version of candidate.versions) {
        for (const inForce of this.#everySheet(candidate, version)) {
          const step = inForce.steps.find((item) => item.priceId === priceId);
          if (!step || usageProblem(usage)) continue;
          const { lines, unpriced } = bookLines(usage, step.rates);
          return unpriced ? null : { cost: totalOf(lines), priceId, lines };
        }
      }
    }
    return null;
  }

  /** The user's own models, for listings. */
  declared(): readonly PricedModel[] {
    return [...this.#declared.values()];
  }

  /** Candidates in order of precedence: declared, then bundled. */
  #find(model: ModelRef): readonly PricedModel[] {
    const cached = this.#models.get(model.provider)?.get(model.model);
    if (cached) return cached;
    const target = this.#aliases.get(keyOf(model)) ?? model;
    const found = [this.#declared.get(keyOf(target)), findInCatalogue(target.provider, target.model)].filter((item) => item != null);
    if (this.#cachedModels >= CACHED_MODELS) {
      this.#models.clear();
      this.#cachedModels = 0;
    }
    const ofProvider = this.#models.get(model.provider) ?? new Map<string, readonly PricedModel[]>();
    this.#models.set(model.provider, ofProvider.set(model.model, found));
    this.#cachedModels += 1;
    return found;
  }

  #cachedSheet(model: PricedModel, version: PriceVersion, tier: ServiceTier, change: TierChange | null): PriceInForce {
    let sheets = this.#sheets.get(version);
    if (!sheets) {
      sheets = new Map();
      this.#sheets.set(version, sheets);
    }
    const key = tier === 'default' ? tier : `${tier} ${change?.from ?? ''} ${change?.source ?? ''}`;
    let sheet = sheets.get(key);
    if (!sheet) {
      sheet = buildSheet(model, version, tier, change);
      sheets.set(key, sheet);
    }
    return sheet;
  }

  #everySheet(model: PricedModel, version: PriceVersion): readonly PriceInForce[] {
    const changes: [ServiceTier, TierChange | null][] = [['default', null]];
    for (const [tier, multiplier] of Object.entries(model.tiers ?? {}) as [ServiceTier, number][]) {
      changes.push([tier, { multiplier, source: 'declared' }]);
    }
    if (model.source !== 'declared') for (const row of this.#tiers) if (covers(row, model)) changes.push([row.tier, row]);
    return changes.map(([tier, change]) => buildSheet(model, version, tier, change));
  }

  #unpriced(kind: PriceWarning['kind'], model: ModelRef, message: string): null {
    const key = `${kind} ${keyOf(model)}`;
    if (this.#warned.has(key)) return null;
    if (this.#warned.size >= CACHED_MODELS) this.#warned.clear();
    this.#warned.add(key);
    this.#warn({ kind, provider: model.provider, model: model.model, message });
    return null;
  }
}

const DECLARE = 'declare one with the model in the config, or in a price file';

interface TierChange {
  readonly multiplier?: number;
  readonly unchanged?: readonly PriceClass[];
  readonly usdPerMillion?: TierRow['usdPerMillion'];
  readonly from?: string;
  readonly source: string;
}

function buildSheet(model: PricedModel, version: PriceVersion, tier: ServiceTier, change: TierChange | null): PriceInForce {
  const steps = version.steps.map((step) => {
    const rates = change ? changed(step, change) : step.rates;
    const day = [version.from ?? 'always', version.hours ? `${version.hours.start}-${version.hours.end}` : ''].filter(Boolean).join('/');
    // The digest makes the id as exact as the price: a corrected list gives the same day another id.
    const digest = contentHash({ above: step.above, rates: { ...rates } }).slice(0, 10);
    const parts = [day, tier, ...(step.above > 0 ? [`over-${step.above}`] : []), digest];
    return { above: step.above, rates, priceId: `${model.source}:${model.provider}:${model.model}@${parts.join(';')}` };
  });
  return { model, version, steps, tier, tierSource: change?.source ?? null };
}

function changed(step: ContextStep, change: TierChange): ContextStep['rates'] {
  const own = change.usdPerMillion;
  if (own) {
    if (step.above > 0) return step.rates;
    const rates: Partial<Record<PriceClass, NanoUsdPerMillion>> = {};
    for (const [priceClass, usd] of Object.entries(own) as [PriceClass, number][]) rates[priceClass] = usdPerMillion(usd);
    return rates;
  }
  const rates: Partial<Record<PriceClass, NanoUsdPerMillion>> = {};
  for (const [priceClass, rate] of Object.entries(step.rates) as [PriceClass, NanoUsdPerMillion][]) {
    const kept = priceClass === 'request' || change.unchanged?.includes(priceClass);
    rates[priceClass] = kept ? rate : (Math.round(rate * (change.multiplier ?? 1)) as NanoUsdPerMillion);
  }
  return rates;
}

function tierRow(rows: readonly TierRow[], model: PricedModel, tier: ServiceTier, at: EpochMs): TierRow | null {
  const holding = rows.filter((row) => row.tier === tier && covers(row, model) && Date.parse(row.from) <= at);
  const byAge = holding.sort((a, b) => (a.from < b.from ? -1 : 1));
  return byAge.findLast((row) => row.models !== null) ?? byAge.at(-1) ?? null;
}

function covers(row: TierRow, model: PricedModel): boolean {
  return row.provider === model.provider && (row.models === null || row.models.includes(model.model));
}

function versionAt(model: PricedModel, at: EpochMs): PriceVersion | null {
  return model.versions.findLast((version) => holdsAt(version, at)) ?? null;
}

/** The bundled list's own rule: the last version whose day has come, or whose hours of the day it is. */
function holdsAt(version: PriceVersion, at: EpochMs): boolean {
  if (version.from !== null && at < beginOf(version, version.from)) return false;
  if (!version.hours) return true;
  const time = new Date(at).toISOString().slice(11, 19);
  const start = version.hours.start.slice(0, 8);
  const end = version.hours.end.slice(0, 8);
  return end < start ? time >= start || time < end : time >= start && time < end;
}

const begins = new WeakMap<PriceVersion, EpochMs>();

/** The first moment of a version, whose day is read once: reading it costs more than the rest of finding a price. */
function beginOf(version: PriceVersion, from: string): EpochMs {
  const known = begins.get(version);
  if (known !== undefined) return known;
  const begin = Date.parse(from);
  begins.set(version, begin);
  return begin;
}

function keyOf(model: ModelRef): string {
  return `${model.provider.toLowerCase()}\u0000${model.model.toLowerCase()}`;
}

function nameOf(model: ModelRef): string {
  return `${model.provider}/${model.model}`;
}
