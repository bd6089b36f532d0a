import { DEFAULT_FLOOR, type Json, type Output } from '../core/index.ts';
import { parametersOf } from './models.ts';
import type { RawConfig, RawTask } from './schema.ts';
import type { MetricConfig, Prompt, TaskConfig } from './types.ts';

/** The metric that a task has when it names none. */
export const DEFAULT_METRIC: Readonly<Record<Output['kind'], string>> = { label: 'exact', json: 'json-fields', text: 'exact' };

/** Tasks by name with defaults filled in. */
export function buildTasks(raw: RawConfig): ReadonlyMap<string, TaskConfig> {
  return new Map(Object.entries(raw.tasks).map(([name, task]) => [name, buildTask(name, task)]));
}

function buildTask(name: string, task: RawTask): TaskConfig {
  const metric = metricOf(task);
  return {
    name,
    output: outputOf(task),
    ladder: task.ladder,
    metric: metric.name,
    metricOptions: metric.options,
    floor: task.floor ?? DEFAULT_FLOOR,
    prompt: promptOf(task),
    threshold: task.threshold ?? null,
    signal: task.signal ?? null,
    parameters: parametersOf(task.parameters),
  };
}

/** The metric that a task names, or its output kind's. */
export function metricOf(task: RawTask): MetricConfig {
  if (task.metric === undefined) return { name: DEFAULT_METRIC[task.output.kind], options: {} };
  if (typeof task.metric === 'string') return { name: task.metric, options: {} };
  const { name, ...options } = task.metric;
  return { name, options };
}

function outputOf(task: RawTask): Output {
  if (task.output.kind === 'json') return { kind: 'json', schema: task.output.schema as Json };
  return task.output;
}

function promptOf(task: RawTask): Prompt {
  if (typeof task.prompt === 'string') return { system: null, user: task.prompt };
  return { system: task.prompt?.system ?? null, user: task.prompt?.user ?? '{{input}}' };
}
