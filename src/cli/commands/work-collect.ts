import { resolve } from 'node:path';
import { SmallfirstError } from '../../core/index.ts';
import type { WorkJob, WorkStore } from '../../store/index.ts';
import { collectResults, insistOnStore, pause } from '../../work/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { jobNamed, withWork } from './work-open.ts';
import { describeJob, jobDocument } from './work-report.ts';

export interface CollectOptions {
  readonly output: string;
  readonly errors?: string;
  readonly wait: boolean;
  readonly config: string;
  readonly json: boolean;
}

/** How often a job that is waited for is looked at. */
const LOOK_MS = 250;

/** `smallfirst jobs collect JOB`. Exit 1 where rows are left or failed. */
export async function runCollect(id: string, options: CollectOptions, io: CommandIo): Promise<ExitCode> {
  return withWork(options, io, async (store) => {
    const { id: full } = await jobNamed(store, id);
    if (options.wait) await waitFor(store, full, io);
    return collect(
      store,
      full,
      { output: options.output, ...(options.errors === undefined ? {} : { errors: options.errors }) },
      options.json,
      io,
    );
  });
}

/** Waits until a job is done, cancelled or paused. Throws ABORTED on Ctrl-C; a database that is away meanwhile is waited for. */
export async function waitFor(store: WorkStore, id: string, io: CommandIo): Promise<WorkJob> {
  const bar = io.progress('job', null);
  try {
    for (;;) {
      const job = await insistOnStore(
        io.signal,
        () => {},
        () => jobNamed(store, id),
      );
      if (job.state !== 'running') return job;
      bar.advance(job.done + job.failed, `of ${job.rows}`);
      await pause(LOOK_MS, io.signal).catch((cause: unknown) => {
        throw new SmallfirstError(
          'ABORTED',
          `not waited for any longer; the workers go on, and \`smallfirst jobs collect ${id}\` gets what they do`,
          {
            cause,
          },
        );
      });
    }
  } finally {
    bar.end();
  }
}

/** Writes what a job has done and says how it stands. */
export async function collect(
  store: WorkStore,
  id: string,
  files: { readonly output: string; readonly errors?: string },
  json: boolean,
  io: CommandIo,
): Promise<ExitCode> {
  const output = resolve(io.cwd, files.output);
  const errors = files.errors === undefined ? `${output.replace(/\.jsonl$/, '')}.errors.jsonl` : resolve(io.cwd, files.errors);
  const bar = io.progress('collect', null);
  const written = await collectResults(store, id, { output, errors }, (rows) => bar.advance(rows)).finally(() => bar.end());
  const job = await jobNamed(store, id);
  if (json) io.json({ ...jobDocument(job), written });
  else io.out(`${describeJob(job)}Written to ${output}${written.failed === 0 ? '' : `; failures to ${errors}`}.\n`);
  return job.state === 'done' && job.failed === 0 ? 0 : 1;
}
