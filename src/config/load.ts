import { readFile } from 'node:fs/promises';
import { SmallfirstError } from '../core/index.ts';
import { parsePruneList } from '../pruning/index.ts';
import type { Known } from './check.ts';
import { ConfigError, type Problem } from './config-error.ts';
import { parseConfig } from './parse.ts';
import { loadDeprecations } from './pins-deprecations.ts';
import { loadPrices } from './prices.ts';
import { Source } from './source.ts';
import { checkStudents } from './students.ts';
import type { Config, Environment } from './types.ts';

/** Reads and checks a config file, its price file, its list of shutdowns, its rubrics and its lists of pruned prompt parts. Throws CONFIG_NOT_FOUND when one cannot be read, and ConfigError with everything that is wrong in it. */
export async function loadConfig(path: string, environment: Environment, known: Known = {}): Promise<Config> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'it cannot be read';
    throw new SmallfirstError('CONFIG_NOT_FOUND', `No config at ${path}: ${reason}.`, { cause: error });
  }
  const config = parseConfig(text, path, environment, known);
  const misfits = await checkStudents(config, new Source(text, path, environment));
  if (misfits.length > 0) throw new ConfigError(misfits as [Problem, ...Problem[]]);
  const { priceFile, deprecationFile } = config;
  return {
    ...config,
    models: await withPruneLists(config.models),
    tasks: await withRubrics(config.tasks),
    prices: priceFile === null ? config.prices : [...config.prices, ...(await loadPrices(priceFile, environment))],
    deprecations: deprecationFile === null ? [] : await loadDeprecations(deprecationFile, environment),
  };
}

async function withPruneLists(models: Config['models']): Promise<Config['models']> {
  const read = new Map(models);
  for (const [name, model] of models) {
    if (model.prune === null) continue;
    const { file } = model.prune;
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new SmallfirstError('CONFIG_NOT_FOUND', `No list of pruned parts at ${file}, which the model ${name} names.`, { cause });
    });
    try {
      read.set(name, { ...model, prune: { file, list: parsePruneList(text) } });
    } catch (cause) {
      if (!(cause instanceof SmallfirstError)) throw cause;
      throw new SmallfirstError('CONFIG_INVALID', `models.${name}.prune: ${cause.message}`, { position: { file }, cause });
    }
  }
  return read;
}

async function withRubrics(tasks: Config['tasks']): Promise<Config['tasks']> {
  const read = new Map(tasks);
  for (const [name, task] of tasks) {
    const file = task.judge?.rubricFile ?? null;
    if (task.judge === null || file === null) continue;
    const rubric = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new SmallfirstError('CONFIG_NOT_FOUND', `No rubric at ${file}, which the task ${name} names.`, { cause });
    });
    if (rubric.trim() === '')
      throw new SmallfirstError('CONFIG_INVALID', `The rubric of the task ${name} is empty.`, { position: { file } });
    read.set(name, { ...task, judge: { ...task.judge, rubric } });
  }
  return read;
}
