import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Config, loadConfig, suggestion, type TaskConfig } from '../../config/index.ts';
import { type EpochMs, SmallfirstError } from '../../core/index.ts';
import { DatasetFolder, exportRow, type StoredDataset } from '../../dataset/index.ts';
import { providers } from '../../providers/index.ts';
import type { CommandIo } from '../io.ts';
import { runDatasetBuild } from './dataset-build.ts';
import type { TrainOptions } from './train-options.ts';

const DEFAULT_DATA = '.smallfirst';

/** What a task is trained from, as texts of JSON Lines. */
export interface TrainingSource {
  readonly name: string;
  readonly training: string;
  /** Null where the file has no rows of its own to watch training by. */
  readonly validation: string | null;
  /** Rows of the record are of before it; null where none is from there. */
  readonly until: EpochMs | null;
  readonly dataset: StoredDataset | null;
}

/** What a command line names: the task, its config where there is one, and where state is kept. */
export interface TrainWorld {
  readonly task: string;
  /** Null without a config. */
  readonly config: Config | null;
  readonly declared: TaskConfig | null;
  readonly dataDir: string;
  /** The file of rows that `--data` names; null for a directory. */
  readonly file: string | null;
}

/** Reads the config, where there is one, and tells whether `--data` names rows or a directory. Throws TASK_NOT_FOUND, INPUT_NOT_FOUND. */
export async function openTrainWorld(task: string, options: TrainOptions, io: CommandIo): Promise<TrainWorld> {
  const path = resolve(io.cwd, options.data);
  const found = await stat(path).catch(() => null);
  const file = found?.isFile() === true ? path : null;
  if (found === null && /\.jsonl?$/.test(path)) throw new SmallfirstError('INPUT_NOT_FOUND', `there is no file ${options.data}`);
  const configFile = resolve(io.cwd, options.config);
  const hasConfig = (await stat(configFile).catch(() => null)) !== null;
  const config = hasConfig ? await loadConfig(configFile, io.env, { providers }) : null;
  const declared = config?.tasks.get(task) ?? null;
  if (config !== null && declared === null && file === null) {
    throw new SmallfirstError(
      'TASK_NOT_FOUND',
      `${options.config} declares no task "${task}".${suggestion(task, [...config.tasks.keys()])}`,
    );
  }
  return { task, config, declared, dataDir: file === null ? path : resolve(io.cwd, DEFAULT_DATA), file };
}

/**
 * The rows of a task: of `--data FILE`, of `--dataset NAME`, of the data set that is named as the task, or, where there is none yet, of one
 * that is built now from the record. Throws USAGE where nothing of it is there.
 */
export async function openTrainingSource(world: TrainWorld, options: TrainOptions, io: CommandIo): Promise<TrainingSource> {
  const validation = options.validation === undefined ? null : await readRowFile(resolve(io.cwd, options.validation));
  if (world.file !== null) {
    return { name: basename(world.file), training: await readRowFile(world.file), validation, until: null, dataset: null };
  }
  const folder = new DatasetFolder(join(world.dataDir, 'datasets'));
  const name = options.dataset ?? world.task;
  if (options.dataset === undefined && (await folder.versions(name)).length === 0) await buildFromRecord(world, options, io);
  const dataset = await folder.load(name);
  const { manifest } = dataset;
  return {
    name: `${manifest.name}@${manifest.hash.slice(0, 16)}`,
    training: linesOf(await folder.rows(dataset, 'train')),
    validation: validation ?? linesOf(await folder.rows(dataset, 'validation')),
    until: manifest.until,
    dataset,
  };
}

/** The rows of a source in the form that students are trained from; rows of a file are in it already. */
export function asStudentRows(source: TrainingSource, lines: string): string {
  const { dataset } = source;
  if (dataset === null) return lines;
  const options = { output: dataset.manifest.output, prompt: null };
  return linesOf(
    lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const row = JSON.parse(line) as Parameters<typeof exportRow>[0];
        const written = exportRow(row, 'student', options);
        return row.conversation === null ? written : { ...(written as object), group: row.conversation };
      }),
  );
}

function linesOf(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

async function readRowFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new SmallfirstError('INPUT_NOT_FOUND', `there is no file ${path}`, { cause });
  }
}

async function buildFromRecord(world: TrainWorld, options: TrainOptions, io: CommandIo): Promise<void> {
  if (world.declared === null) {
    throw new SmallfirstError(
      'USAGE',
      `What is "${world.task}" to be trained from? Name rows with --data FILE, or declare the task in ${options.config} and record its traffic.`,
    );
  }
  io.note(`No data set "${world.task}" yet: it is built from the record. \`smallfirst dataset build ${world.task}\` chooses what goes in.`);
  await runDatasetBuild(
    world.task,
    {
      task: world.task,
      fromRecord: true,
      minCharacters: 1,
      flagTokens: 8_192,
      relabelWhich: 'missing',
      concurrency: 8,
      private: 'scrub',
      near: 0.8,
      splitBy: 'conversation',
      validation: 0.1,
      golden: 0.05,
      config: options.config,
      data: world.dataDir,
      json: false,
    },
    silenced(io),
  );
}

/** The same terminal without its answer: one command prints one. */
export function silenced(io: CommandIo): CommandIo {
  return {
    out: () => {},
    json: () => {},
    note: (text) => io.note(text),
    progress: (label, total) => io.progress(label, total),
    env: io.env,
    cwd: io.cwd,
    signal: io.signal,
    width: io.width,
  };
}
