import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type App, openApp } from '../../app.ts';
import { type Config, loadConfig, type ModelConfig, suggestion, type TaskConfig } from '../../config/index.ts';
import { formatUsd, nanoUsd, SmallfirstError, systemClock } from '../../core/index.ts';
import {
  type BuildDeps,
  buildDataset,
  DatasetFolder,
  type DraftRow,
  estimateBuild,
  type Recipe,
  type RecordPorts,
  readUpload,
} from '../../dataset/index.ts';
import { loadTokenizer } from '../../pricing/index.ts';
import { PRIVATE_KINDS, type PrivateKind } from '../../privacy/index.ts';
import { providers } from '../../providers/index.ts';
import { answerKey } from '../../run/index.ts';
import type { Feedback, Store } from '../../store/index.ts';
import { openStoreBeside, openStoreToRead } from '../../store-location.ts';
import { writeAtomically } from '../../student/index.ts';
import type { CommandIo, ExitCode, Progress } from '../io.ts';
import { count, counted } from '../table.ts';
import { renderManifest } from './dataset-report.ts';
import { openTeacher } from './dataset-teacher.ts';
import type { Since } from './replay-since.ts';

export interface DatasetBuildOptions {
  readonly task?: string;
  readonly fromRecord?: boolean;
  readonly since?: Since;
  readonly only?: 'escalated' | 'accepted';
  readonly limit?: number;
  readonly file?: readonly string[];
  readonly teacher?: string;
  readonly labels?: readonly string[];
  readonly match?: string;
  /** Models whose answers are taken; any when absent. */
  readonly answeredBy?: readonly string[];
  readonly minCharacters: number;
  readonly maxTokens?: number;
  readonly flagTokens: number;
  readonly relabel?: string;
  readonly relabelWhich: 'missing' | 'all';
  readonly maxCost?: number;
  readonly concurrency: number;
  readonly estimate?: boolean;
  readonly private: 'scrub' | 'flag' | 'keep';
  readonly privateKinds?: readonly string[];
  readonly near: number;
  readonly splitBy: 'conversation' | 'time';
  readonly validation: number;
  readonly golden: number;
  readonly maxPerLabel?: number;
  readonly config: string;
  readonly data: string;
  readonly json: boolean;
}

/** What a build reads: the config with its task, the record, and an app where a model is asked. */
interface World {
  readonly config: Config | null;
  readonly task: TaskConfig | null;
  readonly store: Pick<Store, 'calls' | 'bodies' | 'pairs' | 'feedback'> | null;
  readonly app: App | null;
  close(): Promise<void>;
}

/**
 * `smallfirst dataset build`: a new version of a data set, or the same one where nothing changed. Without a source the last build is
 * repeated with its options. With --estimate nobody is asked. Throws USAGE for options that do not belong together.
 */
export async function runDatasetBuild(name: string, given: DatasetBuildOptions, io: CommandIo): Promise<ExitCode> {
  const folder = new DatasetFolder(join(resolve(io.cwd, given.data), 'datasets'));
  const options = await withLastRecipe(name, given, folder);
  const world = await openWorld(options, io);
  const bar = new NodeBar(io);
  try {
    const recipe = await recipeOf(name, options, { world, io });
    const deps = await depsOf(options, { world, folder, io, bar, name });
    if (options.estimate === true) return await showEstimate(recipe, deps, { options, io, bar });
    const stored = await buildDataset(recipe, deps);
    bar.end();
    await writeAtomically(join(folder.root, name, 'recipe.json'), `${JSON.stringify(options, null, 2)}\n`);
    if (options.json) io.json({ folder: stored.folder, ...stored.manifest });
    else io.out(renderManifest(stored));
    return 0;
  } finally {
    bar.end();
    await world.close();
  }
}

async function showEstimate(
  recipe: Recipe,
  deps: BuildDeps,
  { options, io, bar }: { readonly options: DatasetBuildOptions; readonly io: CommandIo; readonly bar: NodeBar },
): Promise<ExitCode> {
  const estimate = await estimateBuild(recipe, deps);
  bar.end();
  if (estimate === null) throw new SmallfirstError('USAGE', '--estimate says what relabelling would cost: name a model with --relabel.');
  const { rows, cached, worst } = estimate;
  if (options.json) io.json({ rows, cached, worstUsd: worst === null ? null : worst / 1e9 });
  else
    io.out(
      `${counted(rows, 'row')} to relabel by ${options.relabel}, ${count(cached)} of them answered already. The others cost at most ${formatUsd(worst)}.\n`,
    );
  return 0;
}

/** Without a source the last build's options hold, but where it is read and written. */
async function withLastRecipe(name: string, given: DatasetBuildOptions, folder: DatasetFolder): Promise<DatasetBuildOptions> {
  if (given.fromRecord === true || given.file !== undefined) return given;
  const text = await readFile(join(folder.root, name, 'recipe.json'), 'utf8').catch(() => null);
  if (text === null)
    throw new SmallfirstError('USAGE', `Where do the rows of "${name}" come from? Say --from-record with --task, or --file, or both.`);
  const last = JSON.parse(text) as DatasetBuildOptions;
  const { config, data, json, maxCost, estimate } = given;
  return { ...last, config, data, json, ...(maxCost === undefined ? {} : { maxCost }), ...(estimate === undefined ? {} : { estimate }) };
}

async function openWorld(options: DatasetBuildOptions, io: CommandIo): Promise<World> {
  const needsTask = options.fromRecord === true || options.relabel !== undefined;
  if (needsTask && options.task === undefined)
    throw new SmallfirstError('USAGE', '--from-record and --relabel need a --task of the config.');
  const needsConfig = options.task !== undefined || options.teacher !== undefined;
  const config = needsConfig ? await loadConfig(resolve(io.cwd, options.config), io.env, { providers }) : null;
  const task = options.task === undefined || config === null ? null : taskOf(config, options.task);
  const data = resolve(io.cwd, options.data);
  if (options.relabel !== undefined && config !== null) {
    // A gateway may own the data: the calls of a relabelling are booked beside it.
    const app = await openApp(config, data, io.env, openStoreBeside);
    return { config, task, store: app.store, app, close: () => app.close() };
  }
  if (options.fromRecord !== true) return { config, task, store: null, app: null, close: async () => {} };
  const store = await openStoreToRead(data, config?.store ?? null);
  return { config, task, store, app: null, close: () => store.close() };
}

async function recipeOf(
  name: string,
  options: DatasetBuildOptions,
  { world, io }: { readonly world: World; readonly io: CommandIo },
): Promise<Recipe> {
  const { task, config } = world;
  const output = task?.output ?? null;
  const teacher = options.teacher === undefined || config === null ? null : modelOf(config, options.teacher);
  const uploads: { file: string; rows: readonly DraftRow[] }[] = [];
  for (const file of options.file ?? []) {
    const path = resolve(io.cwd, file);
    const who = teacher === null ? null : { model: teacher.name, provider: teacher.provider, served: null };
    uploads.push({ file, rows: await readUpload(path, { output, teacher: who }) });
  }
  const now = systemClock.now();
  return {
    name,
    task: task?.name ?? null,
    output,
    record:
      options.fromRecord === true && task !== null
        ? {
            task: task.name,
            since: sinceOf(options.since, now),
            until: now,
            escalated: options.only === undefined ? null : options.only === 'escalated',
            limit: options.limit ?? null,
          }
        : null,
    uploads,
    filter: {
      minCharacters: options.minCharacters,
      maxTokens: options.maxTokens ?? null,
      flagTokens: options.flagTokens,
      labels: options.labels ?? null,
      match: patternOf(options.match),
      since: null,
      teachers: options.answeredBy ?? null,
    },
    relabel:
      options.relabel === undefined
        ? null
        : {
            which: options.relabelWhich,
            maxCost: options.maxCost === undefined ? null : nanoUsd(options.maxCost),
            concurrency: options.concurrency,
          },
    scrub: options.private === 'keep' ? null : { mode: options.private, kinds: kindsOf(options.privateKinds) },
    distinct: { threshold: options.near },
    split: { by: options.splitBy, validation: options.validation, golden: options.golden },
    maxPerLabel: options.maxPerLabel ?? null,
  };
}

interface DepsWorld {
  readonly world: World;
  readonly folder: DatasetFolder;
  readonly io: CommandIo;
  readonly bar: NodeBar;
  readonly name: string;
}

async function depsOf(options: DatasetBuildOptions, { world, folder, io, bar, name }: DepsWorld): Promise<BuildDeps> {
  const { app, task, config, store } = world;
  const model = options.relabel === undefined || config === null ? null : modelOf(config, options.relabel);
  const ports: RecordPorts | null =
    store === null ? null : { store, answerKey, providerOf: (of) => config?.models.get(of)?.provider ?? null };
  return {
    folder,
    ports,
    feedback: store === null || task === null ? [] : await feedbackOn(store, task.name),
    teacher:
      app === null || task === null || model === null ? null : await openTeacher(app, task, { model, dataset: name, signal: io.signal }),
    golden: task?.golden ? await readUpload(task.golden, { output: task.output, teacher: null }) : [],
    countTokens: await loadTokenizer(),
    clock: systemClock,
    signal: io.signal,
    onProgress: (node, done, total, detail) => bar.advance(node, [done, total], detail),
  };
}

/** Every word of people and clients on a task's requests. Labels of requests whose calls are not recorded are read with the pairs' own. */
async function feedbackOn(store: Pick<Store, 'feedback'>, task: string): Promise<readonly Feedback[]> {
  const rows: Feedback[] = [];
  let before: string | undefined;
  for (;;) {
    const page = await store.feedback.list({}, { limit: 1_000, ...(before === undefined ? {} : { before }) });
    for (const { feedback, call } of page) if (call === null || call.task === task) rows.push(feedback);
    const last = page.at(-1);
    if (last === undefined || page.length < 1_000) return rows;
    before = last.feedback.id;
  }
}

function sinceOf(since: Since | undefined, now: number): number {
  if (since === undefined) return 0;
  return 'at' in since ? since.at : now - since.agoMs;
}

function patternOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  try {
    return new RegExp(text, 'iu').source;
  } catch {
    throw new SmallfirstError('USAGE', `--match ${JSON.stringify(text)} is no regular expression.`);
  }
}

function kindsOf(names: readonly string[] | undefined): readonly PrivateKind[] {
  if (names === undefined) return PRIVATE_KINDS;
  const strange = names.find((name) => !PRIVATE_KINDS.some((kind) => kind === name));
  if (strange !== undefined)
    throw new SmallfirstError('USAGE', `"${strange}" is no kind of private text; there are ${PRIVATE_KINDS.join(', ')}.`);
  return PRIVATE_KINDS.filter((kind) => names.includes(kind));
}

function taskOf(config: Config, name: string): TaskConfig {
  const task = config.tasks.get(name);
  if (task !== undefined) return task;
  throw new SmallfirstError('TASK_NOT_FOUND', `${config.file} has no task "${name}".${suggestion(name, [...config.tasks.keys()])}`);
}

function modelOf(config: Config, name: string): ModelConfig {
  const model = config.models.get(name);
  if (model !== undefined) return model;
  throw new SmallfirstError('MODEL_NOT_FOUND', `${config.file} has no model "${name}".${suggestion(name, [...config.models.keys()])}`);
}

/** One progress line for each node that has something to count. */
class NodeBar {
  readonly #io: CommandIo;
  #node: string | null = null;
  #bar: Progress | null = null;

  constructor(io: CommandIo) {
    this.#io = io;
  }

  advance(node: string, [done, total]: readonly [number, number | null], detail?: string): void {
    if (node !== this.#node || done === 0) {
      this.end();
      this.#node = node;
      this.#bar = this.#io.progress(node, total);
    }
    this.#bar?.advance(done, detail);
  }

  end(): void {
    this.#bar?.end();
    this.#bar = null;
    this.#node = null;
  }
}
