import { resolve } from 'node:path';
import { loadConfig, type ModelConfig } from '../../config/index.ts';
import { type EpochMs, systemClock } from '../../core/index.ts';
import { listPrices, PriceBook, type PriceListing, priceListing, type UsdPerMillion } from '../../pricing/index.ts';
import { parseDay } from '../day.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { count, renderTable } from '../table.ts';

export interface ModelsOptions {
  readonly config?: string;
  readonly filter?: string;
  readonly provider?: string;
  readonly at?: string;
  readonly json: boolean;
}

/** One model with its price: of the config (then with its name there), or of the price list. `price` is null when it has none. */
export interface ModelRow {
  readonly name: string | null;
  readonly provider: string;
  readonly model: string;
  readonly tier: string | null;
  readonly boundary: string | null;
  readonly price: PriceListing | null;
}

/** Lists models with the price in force on a day: those of a config, or of the price list. Says loudly which have none. */
export async function runModels(options: ModelsOptions, io: CommandIo): Promise<ExitCode> {
  const at = options.at === undefined ? systemClock.now() : parseDay('--at', options.at);
  const rows = options.config === undefined ? ofPriceList(options, at) : await ofConfig(options, options.config, at, io);
  const unpriced = rows.filter((row) => row.price === null);
  const isOverview = options.config === undefined && options.filter === undefined && options.provider === undefined;
  if (options.json) {
    io.json({ at: new Date(at).toISOString(), models: rows, unpricedModels: unpriced.length });
  } else if (isOverview) {
    io.out(providerTable(rows));
    io.out('Look closer with --provider NAME or --filter TEXT; list your own models with --config FILE.\n');
  } else {
    io.out(rows.length === 0 ? 'No model fits.\n' : priceTable(rows));
    if (rows.length > 0) for (const note of footnotes(rows)) io.out(`${note}\n`);
  }
  // Over the whole list they are a column of the table.
  if (isOverview) return 0;
  for (const row of unpriced) {
    io.note(`WARNING: ${row.name ?? `${row.provider}/${row.model}`} has no known price: its calls count as unpriced, never as free.`);
  }
  return 0;
}

function ofPriceList(options: ModelsOptions, at: EpochMs): readonly ModelRow[] {
  const book = new PriceBook({ warn: () => {} });
  const { listings, unpriced } = listPrices(book, {
    at,
    ...(options.provider === undefined ? {} : { provider: options.provider }),
    ...(options.filter === undefined ? {} : { filter: options.filter }),
  });
  const bare = { name: null, tier: null, boundary: null };
  return [
    ...listings.map((price) => ({ ...bare, provider: price.provider, model: price.model, price })),
    ...unpriced.map((model) => ({ ...bare, ...model, price: null })),
  ];
}

async function ofConfig(options: ModelsOptions, file: string, at: EpochMs, io: CommandIo): Promise<readonly ModelRow[]> {
  // No table of providers: a price can be looked up for a model that this version cannot call.
  const config = await loadConfig(resolve(io.cwd, file), io.env);
  const book = new PriceBook({ declared: config.prices, warn: () => {} });
  return [...config.models.values()]
    .filter((model) => options.provider === undefined || model.provider === options.provider)
    .filter((model) => fits(model, options.filter))
    .map((model) => {
      const inForce = book.inForce(model, at);
      return {
        name: model.name,
        provider: model.provider,
        model: model.model,
        tier: model.tier,
        boundary: model.boundary,
        price: inForce ? priceListing(book, inForce, at) : null,
      };
    });
}

function fits(model: ModelConfig, filter: string | undefined): boolean {
  return filter === undefined || `${model.name} ${model.provider}/${model.model}`.toLowerCase().includes(filter.toLowerCase());
}

function providerTable(rows: readonly ModelRow[]): string {
  const providersOf = new Map<string, { models: number; unpriced: number; newest: string | null }>();
  for (const row of rows) {
    const sums = providersOf.get(row.provider) ?? { models: 0, unpriced: 0, newest: null };
    sums.models += 1;
    if (row.price === null) sums.unpriced += 1;
    const from = row.price?.from ?? null;
    if (from !== null && (sums.newest === null || from > sums.newest)) sums.newest = from;
    providersOf.set(row.provider, sums);
  }
  return renderTable(
    [{ head: 'provider' }, { head: 'models', align: 'right' }, { head: 'without a price', align: 'right' }, { head: 'newest dated price' }],
    [...providersOf].map(([provider, sums]) => [provider, count(sums.models), count(sums.unpriced), sums.newest ?? '–']),
  );
}

function priceTable(rows: readonly ModelRow[]): string {
  const right = (head: string) => ({ head, align: 'right' as const });
  const table = rows.map((row) => {
    const { price } = row;
    const name = row.name === null ? [`${row.provider}/${row.model}`] : [row.name, `${row.provider}/${row.model}`, row.tier ?? ''];
    if (price === null) return [...name, 'UNPRICED', '', '', '', '', '', ''];
    const usd = price.usdPerMillion;
    const writes = [usd.cacheWrite5m, usd.cacheWrite1h].filter((value) => value !== undefined).map(dollars);
    const source = price.source === 'declared' ? 'declared' : `genai-prices ${price.from ?? 'undated'}`;
    return [
      ...name,
      dollars(usd.input),
      dollars(usd.cacheRead),
      writes.join(' / '),
      dollars(usd.output),
      steps(price),
      tiers(price),
      source,
    ];
  });
  const named = rows.some((row) => row.name !== null);
  return renderTable(
    [
      ...(named ? [{ head: 'model' }, { head: 'is' }, { head: 'tier' }] : [{ head: 'model' }]),
      right('input $/M'),
      right('cached'),
      right('cache write 5m / 1h'),
      right('output'),
      { head: 'long prompts' },
      { head: 'batch / flex / priority' },
      { head: 'source, in force from' },
    ],
    table,
  );
}

/** What a person must know to read the numbers: classes not stated, hours, request fees. */
function footnotes(rows: readonly ModelRow[]): readonly string[] {
  const prices = rows.flatMap((row) => (row.price ? [row.price] : []));
  const notes = ['A cache class without a price (–) costs what fresh input costs. Prices above a prompt size hold for the whole request.'];
  for (const price of prices) {
    if (price.hours) notes.push(`${price.provider}/${price.model}: this price holds ${price.hours.start}–${price.hours.end} only.`);
    if (price.usdPerRequest !== null) notes.push(`${price.provider}/${price.model}: plus $${price.usdPerRequest} per request.`);
  }
  return notes;
}

function steps(price: PriceListing): string {
  return price.longContext
    .map(({ above, usdPerMillion }) => `>${count(above)}: ${dollars(usdPerMillion.input)} in, ${dollars(usdPerMillion.output)} out`)
    .join('; ');
}

function tiers(price: PriceListing): string {
  const cell = (usd: UsdPerMillion | undefined) => (usd ? `${dollars(usd.input)}→${dollars(usd.output)}` : '–');
  if (Object.keys(price.tiers).length === 0) return '–';
  return (['batch', 'flex', 'priority'] as const).map((tier) => cell(price.tiers[tier]?.usdPerMillion)).join(' / ');
}

/** Dollars per million with the digits that matter: 0.0375, 2.50, 30. */
function dollars(usd: number | undefined): string {
  if (usd === undefined) return '–';
  if (usd === 0) return 'free';
  return usd >= 0.1 ? usd.toFixed(2) : String(Number(usd.toPrecision(3)));
}
