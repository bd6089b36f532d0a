import { nanoUsd, systemClock } from '../../core/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { counted } from '../table.ts';
import { jobNamed, withWork } from './work-open.ts';
import { describeJob, describeJobs, jobDocument } from './work-report.ts';

export interface JobOptions {
  readonly config: string;
  readonly json: boolean;
}

/** `smallfirst jobs list`. */
export async function runList(options: JobOptions & { readonly limit: number }, io: CommandIo): Promise<ExitCode> {
  const jobs = await withWork(options, io, (store) => store.list(options.limit));
  if (options.json) io.json({ jobs: jobs.map(jobDocument) });
  else io.out(describeJobs(jobs));
  return 0;
}

/** `smallfirst jobs show JOB`. */
export async function runShow(id: string, options: JobOptions, io: CommandIo): Promise<ExitCode> {
  const job = await withWork(options, io, (store) => jobNamed(store, id));
  if (options.json) io.json(jobDocument(job));
  else io.out(describeJob(job));
  return 0;
}

/** `smallfirst jobs pause|resume|retry|cancel JOB`. Throws USAGE where the job does not stand so that it can be. */
export async function runOrder(
  order: 'pause' | 'resume' | 'retry' | 'cancel',
  id: string,
  options: JobOptions & { readonly maxCost?: number; readonly cellRows?: number },
  io: CommandIo,
): Promise<ExitCode> {
  const { job, retried } = await withWork(options, io, async (store) => {
    const { id: full } = await jobNamed(store, id);
    let retried: number | null = null;
    if (order === 'pause') await store.pause(full, 'by hand');
    else if (order === 'resume') await store.resume(full, options.maxCost === undefined ? null : nanoUsd(options.maxCost));
    else if (order === 'cancel') await store.cancel(full, systemClock.now());
    else retried = await store.retry(full, options.cellRows ?? 50);
    return { job: await jobNamed(store, full), retried };
  });
  if (options.json) io.json({ ...jobDocument(job), ...(retried === null ? {} : { retried }) });
  else io.out(`${retried === null ? '' : `${counted(retried, 'row is', 'rows are')} asked again.\n`}${describeJob(job)}`);
  return 0;
}
