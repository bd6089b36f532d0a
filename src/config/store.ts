import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { SmallfirstError } from '../core/index.ts';
import { ConfigError, type Problem } from './config-error.ts';
import { explain } from './explain.ts';
import { storeSchema } from './serving-schema.ts';
import { Source } from './source.ts';
import type { Environment, StoreConfig } from './types.ts';

const schema = z.object({ store: storeSchema.optional() });

/** What `store:` says; null where it is absent. */
export function storeOf(raw: z.infer<typeof storeSchema> | undefined): StoreConfig | null {
  return raw === undefined ? null : { url: raw.url, schema: raw.schema ?? null };
}

/**
 * Reads nothing of a config but where its store is: who only reads the record needs neither the keys of the models nor a config that is
 * right in every other part. Throws CONFIG_NOT_FOUND when it cannot be read, and ConfigError with what is wrong in `store:`.
 */
export async function loadStoreConfig(path: string, environment: Environment): Promise<StoreConfig | null> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new SmallfirstError('CONFIG_NOT_FOUND', `No config at ${path} that can be read.`, { cause });
  });
  const source = new Source(text, path, environment);
  if (!source.readable) throw new ConfigError(source.problems as [Problem, ...Problem[]]);
  const value = source.value();
  const parsed = schema.safeParse(value);
  const unset = source.problems.filter(({ position }) => isOfStore(position, source));
  const wrong = parsed.success ? [] : explain(parsed.error, schema, source, value).filter(({ position }) => !source.isUnset(position));
  const [first, ...rest] = [...unset, ...wrong];
  if (first !== undefined || !parsed.success) throw new ConfigError([first, ...rest] as [Problem, ...Problem[]]);
  return storeOf(parsed.data.store);
}

/** Whether a place is in a value of `store:`, where that is on one line. */
function isOfStore(position: Problem['position'], source: Source): boolean {
  return ['url', 'schema'].some((key) => {
    const start = source.at(['store', key]);
    return source.isUnset(start) && position.line === start.line && (position.column ?? 1) >= (start.column ?? 1);
  });
}
