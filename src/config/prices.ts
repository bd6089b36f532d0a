import { readFile } from 'node:fs/promises';
import { SmallfirstError } from '../core/index.ts';
import type { PriceRow, PriceTerms, UsdPerMillion } from '../pricing/index.ts';
import { ConfigError, type Problem } from './config-error.ts';
import { explain } from './explain.ts';
import { priceFileSchema, type RawModel, type RawPriceRow } from './schema.ts';
import { Source } from './source.ts';
import type { Environment, ModelConfig } from './types.ts';

/** How a model of the config states its price; null when it states none. */
export function priceTerms({ price, hardware }: Pick<RawModel, 'price' | 'hardware'>): PriceTerms | null {
  if (hardware) return { hardware };
  if (!price) return null;
  const { free, sameAs, ...classes } = price;
  if (free) return { free };
  if (sameAs) return { sameAs };
  return { usdPerMillion: withoutUndefined(classes) as UsdPerMillion };
}

/** The prices that models state, as rows of a price book. */
export function declaredPrices(models: Iterable<ModelConfig>): readonly PriceRow[] {
  return [...models].flatMap(({ provider, model, price }) => (price ? [{ provider, model, source: 'the config', ...price }] : []));
}

/** Reads a price file (YAML or JSON): a list of prices. Throws ConfigError with everything that is wrong in it. */
export async function loadPrices(path: string, environment: Environment): Promise<readonly PriceRow[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new SmallfirstError('CONFIG_NOT_FOUND', `No price file at ${path}.`, { cause: error });
  }
  const source = new Source(text, path, environment);
  const value = source.readable ? source.value() : [];
  const parsed = priceFileSchema.safeParse(value);
  const found = source.readable && !parsed.success ? explain(parsed.error, priceFileSchema, source, value) : [];
  const rows = parsed.success ? parsed.data : [];
  const problems = [...source.problems, ...found, ...rows.flatMap((row, i) => checkRow(row, i, source))];
  if (problems.length > 0) throw new ConfigError(problems as [Problem, ...Problem[]]);
  return rows.map((row) => withoutUndefined(row) as PriceRow);
}

function checkRow(row: RawPriceRow, i: number, source: Source): readonly Problem[] {
  const stated = [row.usdPerMillion, row.hardware, row.free, row.sameAs].filter((terms) => terms !== undefined).length;
  if (stated === 1) return [];
  const message = `This row must state exactly one of usdPerMillion, hardware, free and sameAs, and states ${stated}.`;
  return [{ message, position: source.at([i]) }];
}

/** The members that have a value. */
export function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}
