import { resolve } from 'node:path';
import { nanoUsd, SmallfirstError, systemClock } from '../../core/index.ts';
import { cancelJob, checkTemplate, type Engine, isOver, type JobRecord, JobStore, type TemplateCheck } from '../../finetune/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { type KeyNeed, openAdapter } from './train-access.ts';
import { approvalOf, type SpendOptions } from './train-ask.ts';
import { driveDeps, driveShown, exitCodeOf } from './train-drive.ts';
import { jobDocument, renderJob, renderJobs } from './train-report.ts';

/** Options that every command about jobs has. */
export interface JobOptions {
  readonly data: string;
  readonly json: boolean;
}

interface Opened {
  readonly store: JobStore;
  readonly job: JobRecord;
  readonly adapter: ReturnType<typeof openAdapter>;
}

/** `smallfirst train list`. */
export async function runTrainList({ data, json }: JobOptions, io: CommandIo): Promise<ExitCode> {
  const jobs = await new JobStore(resolve(io.cwd, data)).list();
  if (json) io.json({ jobs: jobs.map(jobDocument) });
  else io.out(renderJobs(jobs));
  return 0;
}

/** `smallfirst train show`: asks nobody. */
export async function runTrainShow(id: string, { data, json }: JobOptions, io: CommandIo): Promise<ExitCode> {
  print(await new JobStore(resolve(io.cwd, data)).get(id), json, io);
  return 0;
}

/** `smallfirst train poll`: looks once, and starts nothing. Exit 1 for a job that failed, was stopped, or waits for a person. */
export async function runTrainPoll(id: string, options: JobOptions, io: CommandIo): Promise<ExitCode> {
  const { store, job, adapter } = await openJob(id, options, { io, key: 'needed' });
  const isSent = job.remote.job !== null || job.state === 'exported';
  if (!isSent && !isOver(job)) io.note('It was not started yet: `smallfirst train resume` goes on with it.');
  const looked = isSent && !isOver(job) ? await driveShown(job.id, 'looked', { store, adapter, io, options: {} }) : job;
  print(looked, options.json, io);
  return exitCodeOf(looked);
}

/** `smallfirst train resume`: goes on from wherever the job is. */
export async function runTrainResume(
  id: string,
  options: JobOptions & SpendOptions & { readonly wait?: boolean },
  io: CommandIo,
): Promise<ExitCode> {
  const { store, job, adapter } = await openJob(id, options, { io, key: 'needed' });
  const renewed = renew(job, options);
  if (renewed !== job) await store.alone(job.id, () => store.save(renewed));
  const done = isOver(job) ? job : await driveShown(job.id, options.wait === false ? 'launched' : 'over', { store, adapter, io, options });
  print(done, options.json, io);
  return exitCodeOf(done);
}

/** A yes or a cap that was said now goes before what was said then. A lower cap is never raised by silence. */
function renew(job: JobRecord, options: SpendOptions): JobRecord {
  const given = approvalOf(options, job.estimate.cost);
  if (given !== null) return { ...job, approval: { ...given, cap: given.cap ?? job.approval?.cap ?? null } };
  if (options.maxCost === undefined || job.approval === null) return job;
  return { ...job, approval: { ...job.approval, cap: nanoUsd(options.maxCost) } };
}

/** `smallfirst train cancel`. */
export async function runTrainCancel(id: string, options: JobOptions, io: CommandIo): Promise<ExitCode> {
  const { store, job, adapter } = await openJob(id, options, { io, key: 'needed' });
  const cancelled = await cancelJob(job.id, driveDeps({ store, adapter, io, options: {} }));
  print(cancelled, options.json, io);
  return 0;
}

/** `smallfirst train logs`. */
export async function runTrainLogs(id: string, options: JobOptions, io: CommandIo): Promise<ExitCode> {
  const { job, adapter } = await openJob(id, options, { io, key: 'needed' });
  const remoteId = job.remote.job ?? job.remote.held;
  const isLocal = job.access.keyEnv === null;
  if (remoteId === null && !isLocal) throw new SmallfirstError('USAGE', `job ${job.id} was not started: it has no log`);
  const lines = await adapter.logs(job.spec, remoteId ?? job.id, io.signal);
  if (options.json) io.json({ job: job.id, lines });
  else io.out(lines.map(({ at, text }) => `${at === null ? '' : `${new Date(at).toISOString()}  `}${text}\n`).join(''));
  return 0;
}

/** Options of `train check`. */
export interface TrainCheckOptions extends JobOptions {
  readonly engine: Engine;
  readonly endpoint: string;
  readonly model?: string;
  readonly endpointKeyEnv?: string;
}

/** `smallfirst train check`: exit 1 where the endpoint does not write conversations as the model was taught them. */
export async function runTrainCheck(id: string, options: TrainCheckOptions, io: CommandIo): Promise<ExitCode> {
  const job = await new JobStore(resolve(io.cwd, options.data)).get(id);
  const trained = job.template ?? { hash: null, eos: null, template: null, probe: null, source: 'not recorded' };
  const key = options.endpointKeyEnv === undefined ? null : (io.env[options.endpointKeyEnv] ?? null);
  const endpoint = {
    engine: options.engine,
    url: options.endpoint.replace(/\/+$/, ''),
    model: options.model ?? job.model ?? job.spec.mark,
    key,
  };
  const check = await checkTemplate(trained, endpoint, io.signal);
  if (options.json)
    io.json({ job: job.id, at: new Date(systemClock.now()).toISOString(), trained, endpoint: { ...endpoint, key: undefined }, ...check });
  else io.out(renderCheck(check));
  return check.verdict === 'different' ? 1 : 0;
}

function renderCheck({ verdict, reasons, difference }: TemplateCheck): string {
  const head = {
    same: 'The endpoint writes conversations as the model was taught them.',
    different: 'REFUSED: the endpoint does not write conversations as the model was taught them. Answers would be worse than in training.',
    unknown: 'Not known: the templates could not be compared.',
  }[verdict];
  const where =
    difference === null
      ? []
      : [`First difference, line ${difference.line}:`, `  trained: ${difference.trained}`, `  served:  ${difference.served}`];
  return `${[head, ...reasons.map((reason) => `- ${reason}`), ...where].join('\n')}\n`;
}

async function openJob(id: string, { data }: JobOptions, { io, key }: { readonly io: CommandIo; readonly key: KeyNeed }): Promise<Opened> {
  const store = new JobStore(resolve(io.cwd, data));
  const job = await store.get(id);
  return { store, job, adapter: openAdapter(job.provider, job.access, { store, io, key }) };
}

function print(job: JobRecord, json: boolean, io: CommandIo): void {
  if (json) io.json(jobDocument(job));
  else io.out(renderJob(job));
}
