import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Pacer } from '../../batch/index.ts';
import type { Config, ModelConfig, PipelineConfig } from '../../config/index.ts';
import { contentHash, type Json, systemClock } from '../../core/index.ts';
import { vendorOf } from '../../providers/index.ts';
import { systemTimer } from '../../run/index.ts';

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

/** Whether asking a model means asking a server: also of a student, where it reads embeddings. */
function isRemote({ provider, embeddings }: ModelConfig): boolean {
  return vendorOf(provider) !== null || embeddings !== undefined;
}

/** A config whose models are tried once: a job waits and tries again by itself, and two that wait would wait twice. A spare key is still tried. */
export function triedOnce(config: Config): Config {
  const models = [...config.models.values()].map((model) => {
    const retries = Math.max(0, model.upstream.keys.length - 1);
    return [model.name, { ...model, upstream: { ...model.upstream, retries } }] as const;
  });
  return { ...config, models: new Map(models) };
}

/** A pacer for each provider key; models that share a key share it, and models in this process have none. */
export class Pacers {
  readonly #byModel = new Map<string, Pacer>();
  readonly #all: readonly Pacer[];

  constructor(config: Config, most: number) {
    const groups = new Map<string, ModelConfig[]>();
    for (const model of config.models.values()) {
      if (!isRemote(model)) continue;
      const { provider, url, apiKey, upstream } = model;
      // A comparison, kept nowhere: keys are never hashed, printed or stored.
      const key = JSON.stringify([provider, url, apiKey, upstream.keys.map((one) => one.key)]);
      groups.set(key, [...(groups.get(key) ?? []), model]);
    }
    this.#all = [...groups.values()].map((models) => {
      const own = models.flatMap(({ upstream }) => (upstream.concurrency === null ? [] : [upstream.concurrency]));
      const pacer = new Pacer({ start: START, most: Math.min(most, ...own), now: () => systemClock.monotonic(), after: systemTimer });
      for (const { name } of models) this.#byModel.set(name, pacer);
      return pacer;
    });
  }

  of(model: string): Pacer | null {
    return this.#byModel.get(model) ?? null;
  }

  /** Calls that may be under way together now. */
  total(): number {
    return this.#all.reduce((sum, { limit }) => sum + limit, 0);
  }
}

/** Rows that keep the models of a pipeline busy: calls to servers are paced by themselves, and work in this process gains nothing by company. */
export function widthOf(pipeline: PipelineConfig, config: Config, concurrency: number): number {
  const models = modelsOf(pipeline, config).flatMap((name) => config.models.get(name) ?? []);
  if (models.some(isRemote)) return Math.min(512, concurrency * 2);
  return Math.max(1, ...models.map(({ upstream }) => upstream.concurrency ?? 1));
}

/** A hash of everything that decides what a pipeline asks and who answers, trained students among it: a job goes on only with the same. */
export function pipelineHash(pipeline: PipelineConfig, config: Config, request: Readonly<Record<string, Json>>): string {
  const tasks = new Set(pipeline.steps.flatMap(({ task, controller }) => [...(task === null ? [] : [task]), ...(controller?.tasks ?? [])]));
  return contentHash({
    request,
    // With its branches, which the list of steps does not show.
    nodes: plain(pipeline.nodes),
    budget: pipeline.budget,
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
      return model === undefined ? null : [name, model.provider, model.model, model.url, plain(model.parameters), filesOf(model)];
    }),
  });
}

/** What a model's own files look like; a student's card names the checksum of its weights. */
function filesOf({ path, data }: ModelConfig): Json {
  return [path, data].map((file) => {
    if (file === null) return null;
    const card = join(file, 'student.json');
    if (existsSync(card)) return contentHash(readFileSync(card, 'utf8'));
    const found = statSync(file, { throwIfNoEntry: false });
    return found === undefined ? null : [found.size, found.mtimeMs];
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
