import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { SmallfirstError } from '../core/index.ts';
import { ConfigError } from './config-error.ts';
import { explain } from './explain.ts';
import { SHUTDOWNS } from './pins-shutdowns.ts';
import { Source } from './source.ts';
import type { Deprecation, Environment } from './types.ts';

const row = z.strictObject({
  provider: z.string().min(1).describe('The provider as models of the config name it'),
  model: z.string().min(1).describe('The name on the wire'),
  shutdown: z.iso.date().nullable().describe('First day (UTC) on which calls may fail; null where none is announced'),
  replacement: z.string().min(1).nullable().default(null),
  source: z.string().min(1).describe('The page that says so'),
  asOf: z.iso.date().describe('The day on which that page was read'),
});
const listSchema = z.array(row);

/** Reads a list of shutdown dates (YAML or JSON). Throws ConfigError with everything that is wrong in it, CONFIG_NOT_FOUND without it. */
export async function loadDeprecations(path: string, environment: Environment): Promise<readonly Deprecation[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new SmallfirstError('CONFIG_NOT_FOUND', `No list of shutdown dates at ${path}.`, { cause: error });
  }
  const source = new Source(text, path, environment);
  const value = source.readable ? source.value() : [];
  const parsed = listSchema.safeParse(value);
  const [first, ...rest] = [
    ...source.problems,
    ...(source.readable && !parsed.success ? explain(parsed.error, listSchema, source, value) : []),
  ];
  if (first !== undefined) throw new ConfigError([first, ...rest]);
  return parsed.data ?? [];
}

/** The announced shutdown of a model: the user's row where there is one, else the bundled list's; null where no date is announced. */
export function shutdownOf(
  model: { readonly provider: string; readonly model: string },
  own: readonly Deprecation[],
): (Deprecation & { readonly shutdown: string }) | null {
  const isIt = (row: Deprecation): boolean => row.provider === model.provider && row.model === model.model;
  const found = own.findLast(isIt) ?? SHUTDOWNS.find(isIt);
  return found === undefined || found.shutdown === null ? null : { ...found, shutdown: found.shutdown };
}

/** By provider, the day on which the bundled list's page was last read. */
export function shutdownListDates(): Readonly<Record<string, string>> {
  const dates: Record<string, string> = {};
  for (const { provider, asOf } of SHUTDOWNS) {
    const before = dates[provider];
    if (before === undefined || before < asOf) dates[provider] = asOf;
  }
  return dates;
}
