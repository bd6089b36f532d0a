import { join, resolve } from 'node:path';
import { loadConfig, type TaskConfig } from '../../config/index.ts';
import { type Json, SmallfirstError } from '../../core/index.ts';
import { DatasetFolder, type ExportFormat, exportRow, type RowFlag, type Split } from '../../dataset/index.ts';
import { providers } from '../../providers/index.ts';
import { writeAtomically } from '../../student/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { count, counted } from '../table.ts';

export interface DatasetExportOptions {
  readonly format: ExportFormat;
  readonly split: Split;
  /** Rows with one of these flags are left out. */
  readonly without?: readonly string[];
  readonly out: string;
  readonly config: string;
  readonly data: string;
  readonly json: boolean;
}

/**
 * `smallfirst dataset export`: the rows of a split as JSON Lines, whole or not at all. The golden split is written as an eval set only.
 * Throws USAGE where nothing could be written.
 */
export async function runDatasetExport(name: string, options: DatasetExportOptions, io: CommandIo): Promise<ExitCode> {
  const { format, split } = options;
  if (split === 'golden' && format !== 'eval')
    throw new SmallfirstError('USAGE', 'Nothing is ever trained on the golden set: it is written with --format eval only.');
  const folder = new DatasetFolder(join(resolve(io.cwd, options.data), 'datasets'));
  const stored = await folder.load(name);
  const { manifest } = stored;
  const without = flagsOf(options.without ?? []);
  const rows = (await folder.rows(stored, split)).filter(({ flags }) => !flags.some((flag) => without.has(flag)));
  const isChat = format !== 'student' && format !== 'eval';
  // Rows that hold their own messages need no prompt, and a data set of files alone may have no task.
  const task =
    isChat && manifest.task !== null && rows.some(({ messages }) => messages === null) ? await taskOf(manifest.task, options, io) : null;
  const written = rows.flatMap((row): Json[] => {
    const line = exportRow(row, format, { output: manifest.output, prompt: task?.prompt ?? null });
    return line === null ? [] : [line];
  });
  if (written.length === 0)
    throw new SmallfirstError('USAGE', `No row of the ${split} split can be written as ${format}; the data set has ${rows.length}.`);
  const path = resolve(io.cwd, options.out);
  await writeAtomically(path, written.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const leftOut = rows.length - written.length;
  if (options.json)
    io.json({
      dataset: manifest.name,
      hash: manifest.hash,
      format,
      split,
      out: path,
      rows: written.length,
      leftOut,
      until: manifest.until,
    });
  else
    io.out(
      `${counted(written.length, 'row')} of ${manifest.name}@${manifest.hash.slice(0, 16)} in ${options.out}${leftOut === 0 ? '' : `; ${count(leftOut)} have no place in this format`}.\n`,
    );
  return 0;
}

const FLAGS: readonly RowFlag[] = ['long', 'label-conflict', 'terms', 'private'];

function flagsOf(names: readonly string[]): ReadonlySet<string> {
  const strange = names.find((name) => !FLAGS.some((flag) => flag === name));
  if (strange !== undefined) throw new SmallfirstError('USAGE', `"${strange}" is no flag of a row; there are ${FLAGS.join(', ')}.`);
  return new Set(names);
}

async function taskOf(name: string, { config: file }: DatasetExportOptions, io: CommandIo): Promise<TaskConfig> {
  const config = await loadConfig(resolve(io.cwd, file), io.env, { providers });
  const task = config.tasks.get(name);
  if (task === undefined) throw new SmallfirstError('TASK_NOT_FOUND', `${config.file} has no task "${name}", whose prompt the rows need.`);
  return task;
}
