import { Pacer } from '../../batch/index.ts';
import type { Config, PipelineConfig } from '../../config/index.ts';
import { contentHash, type Json, systemClock } from '../../core/index.ts';
import { vendorOf } from '../../providers/index.ts';

const START = 20;

/** Every model that a pipeline may ask. */
export function modelsOf(pipeline: PipelineConfig, config: Config): readonly string[] {
  const ladderOf = (task: string): readonly string[] => config.tasks.get(task)?.ladder ?? [];
  const found = pipeline.steps.flatMap((step) => {
    if (step.controller !== null) return [step.controller.model, ...step.controller.tasks.flatMap(ladderOf)];
    if (step.model !== null) return [step.model];
    return step.ladder ?? ladderOf(step.task ?? '');
  });
  return [...new Set(found)];
}

/** A pacer for each provider key; models that share a key share it, and models in this process have none. */
export class Pacers {
  readonly #byModel = new Map<string, Pacer>();
  readonly #all: readonly Pacer[];

  constructor(config: Config, most: number) {
    const byKey = new Map<string, Pacer>();
    for (const { name, provider, url, apiKey } of config.models.values()) {
      if (vendorOf(provider) === null) continue;
      const key = contentHash([provider, url, apiKey]);
      const pacer = byKey.get(key) ?? new Pacer({ start: START, most, now: () => systemClock.monotonic(), after: later });
      byKey.set(key, pacer);
      this.#byModel.set(name, pacer);
    }
    this.#all = [...byKey.values()];
  }

  of(model: string): Pacer | null {
    return this.#byModel.get(model) ?? null;
  }

  /** Calls that may be under way together now. */
  total(): number {
    return this.#all.reduce((sum, { limit }) => sum + limit, 0);
  }
}

/** A hash of everything that decides what a pipeline asks: a job goes on only with the same. */
export function pipelineHash(pipeline: PipelineConfig, config: Config): string {
  const tasks = new Set(pipeline.steps.flatMap(({ task, controller }) => [...(task === null ? [] : [task]), ...(controller?.tasks ?? [])]));
  return contentHash({
    steps: pipeline.steps.map((step) => plain(step)),
    output: pipeline.output?.source ?? null,
    tasks: [...tasks].sort().map((name) => {
      const task = config.tasks.get(name);
      return task === undefined
        ? null
        : plain({
            name,
            output: task.output,
            prompt: task.prompt,
            ladder: task.ladder,
            parameters: task.parameters,
            threshold: task.threshold,
          });
    }),
    models: modelsOf(pipeline, config).map((name) => {
      const model = config.models.get(name);
      return model === undefined ? null : [name, model.provider, model.model, model.url];
    }),
  });
}

/** Expressions as they are written; everything else as it is. */
function plain(value: unknown): Json {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) => {
      if (one instanceof Map) return Object.fromEntries(one);
      return typeof one === 'object' && one !== null && 'source' in one ? (one as { readonly source: string }).source : one;
    }),
  ) as Json;
}

function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
