import { join, resolve } from 'node:path';
import { DatasetFolder, type DatasetRow, diffDatasets, SPLITS, type StoredDataset } from '../../dataset/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { renderDiff, renderManifest, renderRows } from './dataset-report.ts';

export interface DatasetShowOptions {
  readonly rows?: number;
  readonly data: string;
  readonly json: boolean;
}

/** `smallfirst dataset show`: a version with its report, or every data set by name. */
export async function runDatasetShow(name: string | undefined, options: DatasetShowOptions, io: CommandIo): Promise<ExitCode> {
  const folder = folderOf(options, io);
  if (name === undefined) return listAll(folder, options, io);
  const stored = await folder.load(name);
  const rows =
    options.rows === undefined
      ? []
      : (await Promise.all(SPLITS.map(async (split) => (await folder.rows(stored, split)).slice(0, options.rows)))).flat();
  if (options.json)
    io.json({
      folder: stored.folder,
      versions: await folder.versions(stored.manifest.name),
      ...stored.manifest,
      ...(rows.length === 0 ? {} : { sample: rows }),
    });
  else io.out(`${renderManifest(stored)}${rows.length === 0 ? '' : `\n${renderRows(rows)}`}`);
  return 0;
}

/** `smallfirst dataset diff`: what a version has that another has not. */
export async function runDatasetDiff(
  [before, after]: readonly [string, string],
  options: DatasetShowOptions,
  io: CommandIo,
): Promise<ExitCode> {
  const folder = folderOf(options, io);
  const of = async (reference: string) => {
    const stored = await folder.load(reference);
    return { manifest: stored.manifest, rows: await allRows(folder, stored) };
  };
  const diff = diffDatasets(await of(before), await of(after));
  if (options.json) io.json(diff);
  else io.out(renderDiff(diff));
  return 0;
}

async function listAll(folder: DatasetFolder, options: DatasetShowOptions, io: CommandIo): Promise<ExitCode> {
  const names = await folder.names();
  const stored = await Promise.all(names.map((name) => folder.load(name)));
  if (options.json)
    io.json({
      datasets: stored.map(({ manifest: { name, hash, created, task, report } }) => ({ name, hash, created, task, rows: report.rows })),
    });
  else if (stored.length === 0) io.note(`There are no data sets in ${folder.root}; \`smallfirst dataset build\` makes one.`);
  else
    for (const { manifest } of stored)
      io.out(
        `${manifest.name}@${manifest.hash.slice(0, 16)}  train ${manifest.report.rows.train}, validation ${manifest.report.rows.validation}, golden ${manifest.report.rows.golden}\n`,
      );
  return 0;
}

function folderOf({ data }: DatasetShowOptions, io: CommandIo): DatasetFolder {
  return new DatasetFolder(join(resolve(io.cwd, data), 'datasets'));
}

async function allRows(folder: DatasetFolder, stored: StoredDataset): Promise<readonly DatasetRow[]> {
  return (await Promise.all(SPLITS.map((split) => folder.rows(stored, split)))).flat();
}
