import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import type { Output } from '../core/index.ts';
import { type Checkable, checkModels, checkTasks, type Known } from './check.ts';
import { checkLife } from './check-life.ts';
import { checkPipelines } from './check-pipelines.ts';
import { checkThresholds } from './check-threshold.ts';
import { checkUrls } from './check-urls.ts';
import { ConfigError, type Problem } from './config-error.ts';
import { explain } from './explain.ts';
import { buildModels } from './models.ts';
import { pipelineSchema, type RawPipeline } from './pipeline-schema.ts';
import { buildPipelines } from './pipelines.ts';
import { declaredPrices } from './prices.ts';
import { configSchema, modelSchema, taskSchema } from './schema.ts';
import { buildServing, checkServing } from './serving.ts';
import { Source } from './source.ts';
import { studentNames } from './student-versions.ts';
import { buildTasks } from './tasks.ts';
import type { Config, Environment } from './types.ts';

/**
 * Reads the text of a config. `file` names it in errors and is where relative paths start; `known` lists the providers there are.
 * The price file and the list of shutdowns are named, not read: `loadConfig` reads them. Throws one ConfigError with everything that is wrong, each at its line and column.
 */
export function parseConfig(text: string, file: string, environment: Environment, known: Known = {}): Config {
  const source = new Source(text, file, environment);
  if (!source.readable) throw failure(source.problems);
  const value = source.value();
  const parsed = configSchema.safeParse(value);
  const found = parsed.success ? [] : explain(parsed.error, configSchema, source, value);
  const checkable = whatCanBeChecked(value);
  const problems = [
    ...found,
    ...checkModels(checkable, source, known),
    ...checkTasks(checkable, source),
    ...checkThresholds(checkable, source, known),
    ...checkLife(checkable, source),
    ...checkServing(parsed.data, source),
    ...checkUrls(parsed.data, source, known),
    ...checkPipelines(soundPipelines(value), { tasks: outputsOf(checkable), models: checkable.modelNames }, source),
  ];
  // A value whose variable is unset is wrong for that reason alone, whatever else is found about it.
  const all = [...source.problems, ...problems.filter((problem) => !source.isUnset(problem.position))];
  if (all.length > 0 || !parsed.success) throw failure(all);
  const inFolder = (path: string) => resolve(dirname(file), path);
  const models = buildModels(parsed.data, known, inFolder);
  return {
    file,
    models,
    tasks: buildTasks(parsed.data, inFolder),
    pipelines: buildPipelines(parsed.data.pipelines),
    priceFile: parsed.data.prices === undefined ? null : inFolder(parsed.data.prices),
    prices: declaredPrices(models.values()),
    deprecationFile: parsed.data.deprecations === undefined ? null : inFolder(parsed.data.deprecations),
    deprecations: [],
    ...buildServing(parsed.data),
  };
}

function failure(problems: readonly Problem[]): ConfigError {
  return new ConfigError(problems as [Problem, ...Problem[]]);
}

/** The pipelines that have the right shape, whatever is wrong elsewhere. */
function soundPipelines(value: unknown): Readonly<Record<string, RawPipeline>> {
  return Object.fromEntries(
    Object.entries(asMapping(asMapping(value).pipelines)).flatMap(([name, entry]) => {
      const result = pipelineSchema.safeParse(entry);
      return result.success ? [[name, result.data]] : [];
    }),
  );
}

/** What each task answers, as far as it is well-shaped. */
function outputsOf({ tasks }: Checkable): ReadonlyMap<string, Output | null> {
  return new Map(Object.entries(tasks).map(([name, { output }]) => [name, (output as Output | undefined) ?? null]));
}

/** Models and tasks key by key, so that a mistake in one place does not hide those in others. */
function whatCanBeChecked(value: unknown): Checkable {
  const file = asMapping(value);
  const models = asMapping(file.models);
  const tasks = wellShaped(asMapping(file.tasks), taskSchema);
  return {
    models: wellShaped(models, modelSchema),
    tasks,
    modelNames: [
      ...Object.keys(models),
      ...studentNames(
        Object.values(tasks).map(({ ladder }) => ladder ?? []),
        Object.keys(asMapping(file.students)),
      ).map((name) => `student/${name}`),
    ],
  };
}

function wellShaped<T>(entries: Readonly<Record<string, unknown>>, schema: z.ZodType<T>): Record<string, Partial<T>> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => {
      const result = schema.safeParse(entry);
      if (result.success) return [name, result.data];
      const wrong = new Set(result.error.issues.map((issue) => String(issue.path[0])));
      const rest = Object.entries(asMapping(entry)).filter(([key]) => !wrong.has(key));
      return [name, Object.fromEntries(rest) as Partial<T>];
    }),
  );
}

function asMapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
