import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Config, type Lock, type ModelConfig, studentVersion, suggestion, type TaskConfig, unversioned } from '../../config/index.ts';
import { type EpochMs, SmallfirstError } from '../../core/index.ts';
import { type KnownVersion, type Lineage, type VersionRecord, versionHistory } from '../../life/index.ts';
import type { Store } from '../../store/index.ts';

/** What versions are told from, beside the record. */
export interface VersionWorld {
  readonly config: Config;
  readonly lock: Lock;
  readonly now: EpochMs;
}

/** A task by name. Throws TASK_NOT_FOUND, with what may have been meant. */
export function taskNamed({ tasks, file }: Config, name: string): TaskConfig {
  const task = tasks.get(name);
  if (task !== undefined) return task;
  throw new SmallfirstError('TASK_NOT_FOUND', `${file} has no task "${name}".${suggestion(name, [...tasks.keys()])}`);
}

/** Every version of a task's models; `store` is null where nothing was ever recorded. */
export async function gatherVersions(task: TaskConfig, store: Store | null, world: VersionWorld): Promise<readonly VersionRecord[]> {
  const { config, lock, now } = world;
  const known = await knownVersions(task, config);
  const question = {
    task: task.name,
    big: task.ladder.at(-1) ?? null,
    isLive: task.mode === 'live',
    known,
    locked: lock.certificates.get(task.name) ?? null,
    now,
  };
  if (store === null) {
    return versionHistory({ ...question, events: [], certificates: [], pairs: new Map(), lastCalls: new Map() });
  }
  const pairs = new Map<string, number>();
  const lastCalls = new Map<string, EpochMs>();
  for (const { model } of known) {
    pairs.set(model, await store.pairs.count({ task: task.name, small: model }));
    const [last] = await store.calls.list({ task: task.name, model }, { limit: 1 });
    if (last !== undefined) lastCalls.set(model, last.at);
  }
  return versionHistory({
    ...question,
    events: await store.events.list({ task: task.name }),
    certificates: await store.certificates.history(task.name),
    pairs,
    lastCalls,
  });
}

/** The models below a task's ceiling, and the versions of them that lie beside a student's folder or stand in the config unused. */
async function knownVersions(task: TaskConfig, config: Config): Promise<readonly KnownVersion[]> {
  const below = task.ladder.slice(0, -1);
  const known = new Map<string, KnownVersion>();
  const add = async (model: ModelConfig): Promise<void> => {
    if (!known.has(model.name)) {
      known.set(model.name, { model: model.name, lineage: await lineageOf(model), isOnLadder: below.includes(model.name) });
    }
  };
  for (const name of below) {
    const model = config.models.get(name);
    if (model !== undefined) await add(model);
  }
  const families = new Set(below.map(unversioned));
  for (const model of config.models.values()) {
    if (model.name !== task.ladder.at(-1) && model.name.includes('@') && families.has(unversioned(model.name))) await add(model);
  }
  for (const model of [...config.models.values()]) {
    if (model.path === null || !families.has(unversioned(model.name))) continue;
    for (const other of await siblings(model)) await add(other);
  }
  return [...known.values()];
}

/** Versions in the folders beside a student's own. */
async function siblings(model: ModelConfig): Promise<readonly ModelConfig[]> {
  if (model.path === null) return [];
  const family = unversioned(model.name);
  const base = studentVersion(model.name) === null ? model.path : model.path.slice(0, model.path.lastIndexOf('@'));
  const names = await readdir(dirname(base)).catch(() => []);
  return names
    .filter((name) => name.startsWith(`${basename(base)}@`) && name.length > basename(base).length + 1)
    .map((name) => ({ ...model, name: `${family}@${name.slice(basename(base).length + 1)}`, path: join(dirname(base), name) }));
}

/** Where a model comes from, as its folder or the config says. */
export async function lineageOf(model: ModelConfig): Promise<Lineage> {
  const { trained, prune, path, provider } = model;
  const asked = `${provider}/${model.model}`;
  const bare = { hash: asked, dataset: null, rows: null, until: null, trainedAt: null, job: null, prune: prune?.list?.hash ?? null };
  if (trained !== null) {
    const { until, dataset, rows, job } = trained;
    return { ...bare, kind: 'fine-tuned', dataset, rows, until, trainedAt: until, job };
  }
  if (path === null) return { ...bare, kind: 'model' };
  return { ...bare, kind: 'student', ...(await cardOf(path)) };
}

/** What a student's card says; nulls where it cannot be read, because a history must not end with one broken folder. */
async function cardOf(path: string): Promise<Pick<Lineage, 'hash' | 'dataset' | 'rows' | 'until' | 'trainedAt'>> {
  const none = { hash: null, dataset: null, rows: null, until: null, trainedAt: null };
  const text = await readFile(join(path, 'student.json'), 'utf8').catch(() => null);
  if (text === null) return none;
  try {
    const { created, dataHash, rows, model } = JSON.parse(text) as Partial<Record<string, unknown>> & { model?: { sha256?: unknown } };
    const at = typeof created === 'string' ? Date.parse(created) : Number.NaN;
    const trainedAt = Number.isNaN(at) ? null : at;
    return {
      hash: typeof model?.sha256 === 'string' ? `sha256:${model.sha256}` : null,
      dataset: typeof dataHash === 'string' ? dataHash : null,
      rows: typeof rows === 'number' ? rows : null,
      until: trainedAt,
      trainedAt,
    };
  } catch {
    return none;
  }
}
