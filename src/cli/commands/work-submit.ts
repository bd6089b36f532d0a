import { resolve } from 'node:path';
import { inputVersion, readRows } from '../../batch/index.ts';
import { loadConfig } from '../../config/index.ts';
import { type Json, nanoUsd, newId, SmallfirstError, systemClock } from '../../core/index.ts';
import type { WorkJob, WorkStore } from '../../store/index.ts';
import { insistOnStore, submitRows } from '../../work/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { knownUpstreams } from '../known-providers.ts';
import { counted } from '../table.ts';
import { pipelineHash } from './batch-models.ts';
import { pipelineNamed } from './run.ts';
import { collect, waitFor } from './work-collect.ts';
import { jobNamed, openWork } from './work-open.ts';
import { jobDocument } from './work-report.ts';

export interface SubmitCommandOptions {
  readonly input: string;
  readonly output?: string;
  readonly errors?: string;
  readonly resume?: string;
  readonly cellRows: number;
  readonly ahead: number;
  readonly concurrency?: number;
  readonly maxCost?: number;
  readonly request: Readonly<Record<string, Json>>;
  readonly config: string;
  readonly json: boolean;
}

/** `smallfirst jobs submit`. Throws USAGE for a submission that cannot be gone on with, and what reading the input throws. */
export async function runSubmit(name: string, options: SubmitCommandOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, knownUpstreams());
  const pipeline = pipelineNamed(config.pipelines, name);
  const input = resolve(io.cwd, options.input);
  const version = await inputVersion(input);
  const store = await openWork(config.store, 2);
  const insist = <T>(work: () => Promise<T>): Promise<T> => insistOnStore(io.signal, (why) => io.note(`WARNING: ${why}`), work);
  try {
    const hash = pipelineHash(pipeline, config, {});
    const job = await (options.resume === undefined
      ? begun(store, { pipeline: name, pipelineHash: hash, input, inputVersion: version }, options)
      : goneOnWith(store, options.resume, { pipelineHash: hash, inputVersion: version }));
    io.note(`Job ${job.id}.`);
    const bar = io.progress('submit', null);
    try {
      await submitRows(
        job.id,
        readRows(input),
        { size: options.cellRows, mostLeft: options.ahead, skip: job.rows },
        { clock: systemClock, store, insist, signal: io.signal, onProgress: (rows) => bar.advance(rows) },
      );
    } catch (error) {
      io.note(`Not every row is submitted: the same command with --resume ${job.id} goes on.`);
      throw error;
    } finally {
      bar.end();
    }
    if (options.output !== undefined) {
      await waitFor(store, job.id, io);
      const files = { output: options.output, ...(options.errors === undefined ? {} : { errors: options.errors }) };
      return await collect(store, job.id, files, options.json, io);
    }
    const now = await jobNamed(store, job.id);
    if (options.json) io.json(jobDocument(now));
    else
      io.out(
        `${job.id}\n${counted(now.rows, 'row is', 'rows are')} with the workers; \`smallfirst jobs collect ${job.id} --output FILE --wait\` gets what they do.\n`,
      );
    return 0;
  } finally {
    await store.close();
  }
}

async function begun(
  store: WorkStore,
  what: Pick<WorkJob, 'pipeline' | 'pipelineHash' | 'input' | 'inputVersion'>,
  { request, concurrency, maxCost }: SubmitCommandOptions,
): Promise<WorkJob> {
  const id = newId();
  await store.add({
    ...what,
    id,
    request,
    createdAt: systemClock.now(),
    concurrency: concurrency ?? null,
    maxCost: maxCost === undefined ? null : nanoUsd(maxCost),
  });
  return jobNamed(store, id);
}

async function goneOnWith(store: WorkStore, id: string, now: Pick<WorkJob, 'pipelineHash' | 'inputVersion'>): Promise<WorkJob> {
  const job = await jobNamed(store, id);
  const differs =
    job.pipelineHash !== now.pipelineHash
      ? 'is about another version of the pipeline'
      : job.inputVersion !== now.inputVersion
        ? 'is about another input, or this one before it was changed'
        : job.state === 'cancelled'
          ? 'was cancelled'
          : null;
  if (differs !== null) throw new SmallfirstError('USAGE', `The job ${differs}: it cannot be gone on with. Submit it anew.`);
  return job;
}
