import { DEFAULT_FLOOR, type Json, type Output } from '../core/index.ts';
import { defaultMetric, type MetricSpec, parseMetric } from '../metrics/index.ts';
import { parametersOf } from './models.ts';
import { withoutUndefined } from './prices.ts';
import type { RawConfig, RawTask } from './schema.ts';
import type { Prompt, TaskConfig } from './types.ts';

/** Tasks by name with defaults filled in. */
export function buildTasks(raw: RawConfig): ReadonlyMap<string, TaskConfig> {
  return new Map(Object.entries(raw.tasks).map(([name, task]) => [name, buildTask(name, task)]));
}

function buildTask(name: string, task: RawTask): TaskConfig {
  const metricSpec = metricOf(task);
  return {
    name,
    output: outputOf(task),
    ladder: task.ladder,
    metric: metricSpec === null ? 'none' : parseMetric(metricSpec).name,
    metricSpec,
    floor: task.floor ?? DEFAULT_FLOOR,
    prompt: promptOf(task),
    threshold: task.threshold ?? null,
    signal: task.signal ?? null,
    parameters: parametersOf(task.parameters),
    fingerprints: task.fingerprints ?? [],
    capture: task.capture ?? null,
  };
}

function metricOf(task: RawTask): MetricSpec | null {
  if (task.metric === undefined) return task.output.kind === 'text' ? null : defaultMetric(task.output);
  return typeof task.metric === 'string' ? task.metric : (withoutUndefined(task.metric) as MetricSpec);
}

function outputOf(task: RawTask): Output {
  if (task.output.kind === 'json') return { kind: 'json', schema: task.output.schema as Json };
  return task.output;
}

function promptOf(task: RawTask): Prompt {
  if (typeof task.prompt === 'string') return { system: null, user: task.prompt };
  return { system: task.prompt?.system ?? null, user: task.prompt?.user ?? '{{input}}' };
}
