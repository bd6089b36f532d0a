import { type Config, loadPrices, suggestion } from '../../config/index.ts';
import type { Environment } from '../../config/types.ts';
import { type EpochMs, inputTotal, SmallfirstError, toUsd, type Usage } from '../../core/index.ts';
import {
  bookLines,
  catalogueModel,
  catalogueProvider,
  catalogueProviders,
  findInCatalogue,
  type ModelRef,
  PriceBook,
  type PriceInForce,
  type PriceRow,
  totalOf,
} from '../../pricing/index.ts';
import type { Assumption } from './breakeven-types.ts';

/** Vendors of models of their own first: a bare name means theirs before a reseller's. */
const vendorsFirst: readonly string[] = [
  'openai',
  'anthropic',
  'google',
  'mistral',
  'deepseek',
  'x-ai',
  'cohere',
  'groq',
  'together',
  'fireworks',
];

/** A model with what one call of the mix costs, in dollars and unrounded to cents. */
export interface PricedCall {
  readonly name: string;
  readonly usdPerCall: number;
  readonly assumptions: readonly Assumption[];
}

/** The user's own price list on top of the bundled one, asked for models by any name that a person uses. */
export class CallPrices {
  readonly #book: PriceBook;
  readonly #declared: readonly PriceRow[];
  readonly #config: Config | null;
  readonly #at: EpochMs;

  constructor(parts: { readonly declared: readonly PriceRow[]; readonly config: Config | null; readonly at: EpochMs }) {
    this.#declared = parts.declared;
    this.#config = parts.config;
    this.#at = parts.at;
    this.#book = new PriceBook({ declared: parts.declared, warn: () => undefined });
  }

  /** A model by `provider/model`, by its name in the config or in the price file, or by the name alone. Throws MODEL_NOT_FOUND. */
  find(name: string): ModelRef {
    const found = this.#configured(name) ?? this.#named(name) ?? this.#bare(name);
    if (found) return found;
    const known = [...this.#declared.map((row) => row.model), ...(this.#config?.models.keys() ?? [])];
    throw new SmallfirstError('MODEL_NOT_FOUND', `No price list knows a model "${name}".${suggestion(name, known)}`);
  }

  /** What one call costs; null where the model has no price in force. */
  call(model: ModelRef, usage: Usage): PricedCall | null {
    const inForce = this.#inForce(model);
    const step = inForce?.steps.findLast(({ above }) => inputTotal(usage) > above) ?? inForce?.steps[0];
    if (!inForce || !step) return null;
    const { lines, unpriced } = bookLines(usage, step.rates);
    if (unpriced !== null) return null;
    const name = `${model.provider}/${model.model}`;
    const date = inForce.version.from ?? new Date(this.#at).toISOString().slice(0, 10);
    const source =
      inForce.model.source === 'declared' ? (inForce.model.sourceNote ?? 'your price list') : 'bundled price list (genai-prices)';
    const assumptions = lines.map((line) => ({
      name: `${name}: ${line.class}${step.above > 0 ? `, prompts over ${step.above} tokens` : ''}, $ per million`,
      value: line.pricePerMillion / 1e9,
      source,
      date,
    }));
    return { name, usdPerCall: toUsd(totalOf(lines)), assumptions };
  }

  #configured(name: string): ModelRef | null {
    const model = this.#config?.models.get(name);
    return model ? { provider: model.provider, model: model.model } : null;
  }

  #named(name: string): ModelRef | null {
    const slash = name.indexOf('/');
    if (slash < 1) return null;
    const model = { provider: name.slice(0, slash), model: name.slice(slash + 1) };
    if (catalogueProvider(model.provider) === null && !this.#declared.some((row) => row.provider === model.provider)) return null;
    return this.#inForce(model) ? model : null;
  }

  /** By the list's own rules, else by its exact id: ids do not always match their own rule. */
  #inForce(model: ModelRef): PriceInForce | null {
    const found = this.#book.inForce(model, this.#at);
    if (found) return found;
    const provider = catalogueProvider(model.provider);
    const exact = provider === null ? null : catalogueModel(provider, model.model);
    return exact === null ? null : this.#book.quote(exact, this.#at, 'default');
  }

  #bare(name: string): ModelRef | null {
    const row = this.#declared.find((one) => one.model === name);
    if (row) return { provider: row.provider, model: row.model };
    const providers = [...new Set([...vendorsFirst, ...catalogueProviders])];
    const exact = providers.find((provider) => catalogueModel(provider, name) !== null);
    const provider = exact ?? vendorsFirst.find((one) => findInCatalogue(one, name) !== null);
    return provider === undefined ? null : { provider, model: name };
  }
}

/** Prices of the config and of a price file; the file wins where both name a model. */
export async function ownPrices(file: string | null, config: Config | null, env: Environment): Promise<readonly PriceRow[]> {
  const rows = file === null ? [] : await loadPrices(file, env);
  const key = (row: ModelRef) => `${row.provider}/${row.model}`;
  const inFile = new Set(rows.map(key));
  return [...(config?.prices ?? []).filter((row) => !inFile.has(key(row))), ...rows];
}
