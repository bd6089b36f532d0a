import { readFile } from 'node:fs/promises';
import type { Position } from '../core/index.ts';
import { ConfigError, type Problem } from './config-error.ts';
import type { Lock } from './lock.ts';
import { pinningOf } from './pins-rules.ts';
import { Source } from './source.ts';
import type { Config, ModelConfig, TaskConfig } from './types.ts';

/** A certificate that would let live traffic rest on a name that its vendor moves. */
export interface UnpinnedUse {
  readonly task: string;
  /** Names of the models in the config, small before big. */
  readonly models: readonly string[];
}

/** Whether a model's name on the wire is one that its vendor moves, and nobody has allowed that. */
export function isUnpinned(model: ModelConfig): boolean {
  return !model.allowUnpinned && pinningOf(model) === 'alias';
}

/**
 * The certificates that live traffic may not run by: what they prove is about the models of that day, and an alias may be another model
 * tomorrow. A task that is not live routes nothing, and a verdict for the frontier licenses nothing.
 */
export function unpinnedUses(config: Pick<Config, 'models' | 'tasks'>, lock: Lock): readonly UnpinnedUse[] {
  return [...lock.certificates.values()].flatMap(({ task: name, small, big, verdict }) => {
    const task = config.tasks.get(name);
    if (task === undefined || task.mode !== 'live' || verdict === 'frontier') return [];
    const models = unpinnedOf(task, [small, big], config);
    return models.length === 0 ? [] : [{ task: name, models }];
  });
}

function unpinnedOf(task: TaskConfig, names: readonly string[], config: Pick<Config, 'models'>): readonly string[] {
  return names.filter((name) => {
    const model = config.models.get(name);
    return model !== undefined && task.ladder.includes(name) && isUnpinned(model);
  });
}

/** Throws ConfigError with the line and column of each model that the uses name; does nothing without any. */
export async function refuseUnpinned(config: Pick<Config, 'file' | 'models'>, uses: readonly UnpinnedUse[]): Promise<void> {
  const names = [...new Set(uses.flatMap(({ models }) => models))];
  if (names.length === 0) return;
  const placeOf = await modelPlaces(config.file);
  const [first, ...rest] = names.map((name): Problem => {
    const tasks = uses.filter(({ models }) => models.includes(name)).map(({ task }) => task);
    const wire = config.models.get(name)?.model ?? name;
    return {
      message:
        `models.${name} is asked as "${wire}", a name that its vendor moves to other models, and the certificate of ` +
        `${tasks.join(', ')} rests on it; name a dated version and certify that, or write allowUnpinned: true.`,
      position: placeOf(name),
    };
  });
  if (first !== undefined) throw new ConfigError([first, ...rest]);
}

/** Where the config states the name on the wire of each model, or names the model where it states none. */
export async function modelPlaces(file: string): Promise<(name: string) => Position> {
  // The config was read before; what it says now is only asked for places.
  const source = new Source(await readFile(file, 'utf8').catch(() => ''), file, {});
  return (name) => (source.readable ? source.at(['models', name, 'model']) : { file });
}
