import { SmallfirstError } from '../core/index.ts';
import { type MetricSpec, parseMetric } from '../metrics/index.ts';
import { checkLocal } from './check-local.ts';
import type { Problem } from './config-error.ts';
import { withoutUndefined } from './prices.ts';
import { isJudge, type RawModel, type RawTask } from './schema.ts';
import type { Source } from './source.ts';
import { suggestion } from './suggest.ts';
import type { KnownProvider } from './types.ts';

/** What a config is checked against. */
export interface Known {
  /** The providers there are, by name. Without them any provider name passes. */
  readonly providers?: Readonly<Record<string, KnownProvider>>;
  /** Why an upstream URL may not be called, to follow "names"; null where it may. Without it every URL passes. */
  readonly refusedUrl?: (url: string, allowPrivate: boolean) => string | null;
}

/** The keys of models and tasks that have the right shape, and every name that stands in the file. */
export interface Checkable {
  readonly models: Readonly<Record<string, Partial<RawModel>>>;
  readonly tasks: Readonly<Record<string, Partial<RawTask>>>;
  /** Names of all models and students (as `student/NAME`), of the wrong shape too. */
  readonly modelNames: readonly string[];
}

const RESERVED = /^(student|task|pipeline)\//;

/** What the schema cannot say of models: providers that exist and have what they need, one price each, no reserved name. */
export function checkModels(raw: Checkable, source: Source, known: Known): readonly Problem[] {
  return Object.entries(raw.models).flatMap(([name, model]) => [
    ...reserved(name, source),
    ...provider(name, model, source, known),
    ...fallbacks(name, model, raw.modelNames, source),
    ...checkLocal(name, model, source, known.providers),
    ...price(name, model, source),
    ...prune(name, model, raw.models, source),
  ]);
}

function reserved(name: string, source: Source): readonly Problem[] {
  const prefix = RESERVED.exec(name)?.[0];
  if (!prefix) return [];
  return [
    {
      message: `models.${name} begins with "${prefix}", which is reserved; choose another name.`,
      position: source.at(['models', name], 'key'),
    },
  ];
}

function provider(name: string, model: Partial<RawModel>, source: Source, known: Known): readonly Problem[] {
  if (!known.providers || model.provider === undefined) return [];
  const row = Object.hasOwn(known.providers, model.provider) ? known.providers[model.provider] : undefined;
  if (!row) {
    return [
      {
        message: `models.${name}.provider names no provider there is.${suggestion(model.provider, Object.keys(known.providers))}`,
        position: source.at(['models', name, 'provider']),
      },
    ];
  }
  return row.needs
    .filter((key) => model[key] === undefined)
    .map((key) => ({
      message: `models.${name} lacks "${key}", which the provider ${model.provider} needs; add it.`,
      position: source.heading(['models', name]),
    }));
}

function fallbacks(name: string, model: Partial<RawModel>, models: readonly string[], source: Source): readonly Problem[] {
  return (model.fallbacks ?? []).flatMap((fallback, i) => {
    const position = source.at(['models', name, 'fallbacks', i]);
    const written = source.written(['models', name, 'fallbacks', i]);
    if (fallback === name) return [{ message: `models.${name}.fallbacks names the model itself; use retries.`, position }];
    if (models.includes(fallback)) return [];
    return [
      { message: `models.${name}.fallbacks names ${written}, which is no model of this file.${suggestion(fallback, models)}`, position },
    ];
  });
}

function price(name: string, model: Partial<RawModel>, source: Source): readonly Problem[] {
  const { price, hardware } = model;
  if (!price) return [];
  const at = ['models', name, 'price'];
  const position = source.at(at, 'key');
  if (hardware) return [{ message: `models.${name} has both "price" and "hardware"; keep the one that is true.`, position }];
  const { free, sameAs, ...classes } = price;
  const kinds = [free, sameAs, Object.keys(classes).length > 0].filter(Boolean).length;
  if (kinds > 1) return [{ message: `models.${name}.price says more than one of free, sameAs and prices; keep one.`, position }];
  if (free || sameAs) return [];
  return (['input', 'output'] as const)
    .filter((key) => price[key] === undefined)
    .map((key) => ({
      message: `models.${name}.price lacks "${key}" (US dollars per million tokens); add it, or write free: true.`,
      position,
    }));
}

/** An alternative would be asked without the parts too, or the pruned model with them: what answers must be one model. */
function prune(name: string, model: Partial<RawModel>, models: Checkable['models'], source: Source): readonly Problem[] {
  if (model.prune === undefined) return [];
  const position = source.at(['models', name, 'prune']);
  if ((model.fallbacks ?? []).length > 0) {
    return [
      { message: `models.${name} has both "prune" and "fallbacks", which were not trained without those texts; keep one.`, position },
    ];
  }
  const users = Object.entries(models).filter(([, other]) => other.fallbacks?.includes(name));
  return users.map(([user]) => ({
    message: `models.${name} has "prune" and is a fallback of models.${user}, whose requests hold those texts; keep one.`,
    position,
  }));
}

/** What the schema cannot say of tasks: models that exist, labels that differ, prompts that hold the input. */
export function checkTasks(raw: Checkable, source: Source): readonly Problem[] {
  return Object.entries(raw.tasks).flatMap(([name, task]) => [
    ...ladder(name, task, raw.modelNames, source),
    ...labels(name, task, source),
    ...metric(name, task, raw.modelNames, source),
    ...prompt(name, task, source),
    ...fingerprints(name, raw, source),
  ]);
}

/** A template belongs to one task: the first that lists it keeps it. */
function fingerprints(name: string, raw: Checkable, source: Source): readonly Problem[] {
  const entries = Object.entries(raw.tasks);
  const before = entries.slice(
    0,
    entries.findIndex(([other]) => other === name),
  );
  const own = raw.tasks[name]?.fingerprints ?? [];
  return own.flatMap((fingerprint, i) => {
    const owner = before.find(([, task]) => task.fingerprints?.includes(fingerprint))?.[0] ?? (own.indexOf(fingerprint) < i ? name : null);
    if (owner === null) return [];
    return [
      {
        message: `tasks.${name}.fingerprints holds a template that tasks.${owner} lists already; keep one.`,
        position: source.at(['tasks', name, 'fingerprints', i]),
      },
    ];
  });
}

function ladder(name: string, task: Partial<RawTask>, models: readonly string[], source: Source): readonly Problem[] {
  const rungs = task.ladder ?? [];
  return rungs.flatMap((rung, i) => {
    const position = source.at(['tasks', name, 'ladder', i]);
    const written = source.written(['tasks', name, 'ladder', i]);
    if (!models.includes(rung)) {
      return [{ message: `tasks.${name}.ladder names ${written}, which is no model of this file.${suggestion(rung, models)}`, position }];
    }
    if (rungs.indexOf(rung) < i) return [{ message: `tasks.${name}.ladder names ${written} twice; keep one.`, position }];
    return [];
  });
}

function metric(name: string, task: Partial<RawTask>, models: readonly string[], source: Source): readonly Problem[] {
  if (task.metric === undefined) return [];
  if (isJudge(task.metric)) return judge(name, task, models, source);
  try {
    parseMetric(typeof task.metric === 'string' ? task.metric : (withoutUndefined(task.metric) as MetricSpec));
    return [];
  } catch (error) {
    if (!(error instanceof SmallfirstError)) throw error;
    return [{ message: `tasks.${name}.metric: ${error.message}`, position: source.at(['tasks', name, 'metric']) }];
  }
}

/** A judge reads texts and writes reasons: what has a metric of its own needs none, and no student can be one. */
function judge(name: string, { output, metric }: Partial<RawTask>, models: readonly string[], source: Source): readonly Problem[] {
  const position = source.at(['tasks', name, 'metric']);
  if (output !== undefined && output.kind !== 'text') {
    return [
      { message: `tasks.${name}.metric is a judge, which scores texts; a ${output.kind} task has metrics that cost nothing.`, position },
    ];
  }
  const model = isJudge(metric) ? metric.judge : undefined;
  if (model === undefined) return [];
  const at = ['tasks', name, 'metric', 'judge'];
  const place = `tasks.${name}.metric.judge names ${source.written(at)}`;
  if (!models.includes(model)) {
    return [{ message: `${place}, which is no model of this file.${suggestion(model, models)}`, position: source.at(at) }];
  }
  if (!model.startsWith('student/')) return [];
  return [{ message: `${place}; a student gives labels and cannot judge.`, position: source.at(at) }];
}

function labels(name: string, task: Partial<RawTask>, source: Source): readonly Problem[] {
  if (task.output?.kind !== 'label') return [];
  const all = task.output.labels;
  return all.flatMap((label, i) => {
    if (all.indexOf(label) === i) return [];
    const at = ['tasks', name, 'output', 'labels', i];
    return [{ message: `tasks.${name}.output.labels holds ${source.written(at)} twice; keep one.`, position: source.at(at) }];
  });
}

function prompt(name: string, task: Partial<RawTask>, source: Source): readonly Problem[] {
  const at = ['tasks', name, 'prompt', ...(typeof task.prompt === 'object' ? ['user'] : [])];
  const user = typeof task.prompt === 'object' ? task.prompt.user : task.prompt;
  if (user === undefined) return [];
  const position = source.at(at);
  const foreign = [...user.matchAll(/\{\{([^{}\n]*)\}\}/g)].find(([, inner]) => inner?.trim() !== 'input');
  if (foreign) return [{ message: `${at.join('.')} has a placeholder other than {{input}}, which is the only one.`, position }];
  return /\{\{\s*input\s*\}\}/.test(user) ? [] : [{ message: `${at.join('.')} lacks {{input}}, the place of the item; add it.`, position }];
}
