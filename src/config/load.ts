import { readFile } from 'node:fs/promises';
import { SmallfirstError } from '../core/index.ts';
import type { Known } from './check.ts';
import { parseConfig } from './parse.ts';
import { loadPrices } from './prices.ts';
import type { Config, Environment } from './types.ts';

/** Reads and checks a config file and its price file. Throws CONFIG_NOT_FOUND when it cannot be read, and ConfigError with everything that is wrong in it. */
export async function loadConfig(path: string, environment: Environment, known: Known = {}): Promise<Config> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'it cannot be read';
    throw new SmallfirstError('CONFIG_NOT_FOUND', `No config at ${path}: ${reason}.`, { cause: error });
  }
  const config = parseConfig(text, path, environment, known);
  if (config.priceFile === null) return config;
  return { ...config, prices: [...config.prices, ...(await loadPrices(config.priceFile, environment))] };
}
