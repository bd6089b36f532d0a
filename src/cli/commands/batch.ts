import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type BatchProgress,
  type Estimate,
  Estimator,
  type JobFolder,
  Journal,
  KeptCalls,
  openJobFolder,
  readRows,
  runBatch,
} from '../../batch/index.ts';
import { type Config, loadConfig, type PipelineConfig } from '../../config/index.ts';
import { type Json, nanoUsd, SmallfirstError, systemClock } from '../../core/index.ts';
import { openPipelineApp } from '../../pipeline-app.ts';
import { loadTokenizer, PriceBook } from '../../pricing/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { knownProviders } from '../known-providers.ts';
import { modelsOf, Pacers, pipelineHash } from './batch-models.ts';
import { describeEstimate, describeSummary } from './batch-report.ts';
import { pipelineNamed } from './run.ts';

export interface BatchOptions {
  readonly input: string;
  readonly output: string;
  readonly errors?: string;
  readonly resume: boolean;
  readonly ordered: boolean;
  readonly maxCost?: number;
  readonly concurrency: number;
  readonly request: Readonly<Record<string, Json>>;
  readonly dryRun: boolean;
  readonly config: string;
  readonly data: string;
  readonly json: boolean;
}

/** Rows that an estimate counts the texts of; the rest is only counted. */
const SAMPLED = 2_000;

/**
 * `smallfirst batch`: a pipeline over a whole file. Exit 0 when every row was looked at, 1 when the job was stopped before. Throws what
 * reading the config and the input throws, and USAGE for an earlier run that this cannot go on with.
 */
export async function runBatchCommand(name: string, options: BatchOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, { providers: knownProviders() });
  const pipeline = pipelineNamed(config.pipelines, name);
  const input = resolve(io.cwd, options.input);
  const estimate = await estimateOf(pipeline, config, input, io);
  if (options.dryRun) {
    if (options.json) io.json({ dryRun: true, estimate });
    else io.out(describeEstimate(estimate, options.maxCost));
    return 0;
  }
  if (estimate.highUsd !== 0) io.note(describeEstimate(estimate, options.maxCost).trimEnd());
  const output = resolve(io.cwd, options.output);
  const folder = openJobFolder(
    `${output}.job`,
    { pipeline: name, pipelineHash: pipelineHash(pipeline, config), input: seenAt(input), ordered: options.ordered },
    options.resume,
  );
  return work({ config, pipeline, input, output, estimate }, folder, options, io);
}

interface Work {
  readonly config: Config;
  readonly pipeline: PipelineConfig;
  readonly input: string;
  readonly output: string;
  readonly estimate: Estimate;
}

async function work(
  { config, pipeline, input, output, estimate }: Work,
  folder: JobFolder,
  options: BatchOptions,
  io: CommandIo,
): Promise<ExitCode> {
  const bar = io.progress(pipeline.name, estimate.rows);
  const errors = options.errors === undefined ? `${output.replace(/\.jsonl$/, '')}.errors.jsonl` : resolve(io.cwd, options.errors);
  try {
    const journal = new Journal(folder.journal, folder.card.finished);
    const pacers = new Pacers(config, options.concurrency);
    const calls = new KeptCalls({ jobId: folder.card.id, journal, pacer: (model) => pacers.of(model.name), after: later });
    const app = await openPipelineApp(config, {
      dataDir: resolve(io.cwd, options.data),
      environment: io.env,
      calls,
      onAttempt: ({ target, status }) => {
        if (status === 429) pacers.of(target.name)?.limited();
      },
      warn: (message) => io.note(`WARNING: ${message}`),
    });
    try {
      const isRemote = modelsOf(pipeline, config).some((model) => pacers.of(model) !== null);
      const summary = await runBatch(
        {
          pipeline,
          input,
          output,
          errors,
          isOrdered: options.ordered,
          maxCost: options.maxCost === undefined ? null : nanoUsd(options.maxCost),
          // Calls are paced by themselves: enough rows are under way to keep every provider busy.
          width: isRemote ? Math.min(512, options.concurrency * 2) : 1,
          request: options.request,
          total: estimate.rows,
        },
        {
          clock: systemClock,
          world: app.world,
          calls,
          journal,
          folder,
          signal: io.signal,
          concurrency: () => pacers.total(),
          onProgress: (progress) => bar.advance(progress.done + progress.failed, detailOf(progress)),
        },
      );
      bar.end();
      if (options.json) io.json(summary);
      else io.out(describeSummary(summary, { output, errors }));
      if (summary.stopped !== null) io.note('What is finished is written; the same command with --resume goes on from there.');
      return summary.stopped === null ? 0 : 1;
    } finally {
      await app.close();
    }
  } catch (error) {
    folder.release(null);
    throw error;
  } finally {
    bar.end();
  }
}

/** Counts the rows, and what they would cost. */
async function estimateOf(pipeline: PipelineConfig, config: Config, input: string, io: CommandIo): Promise<Estimate> {
  const prices = new PriceBook({ declared: config.prices, warn: () => {} });
  const estimator = new Estimator(pipeline, { config, prices, now: systemClock.now(), countTokens: await loadTokenizer() });
  const bar = io.progress('count', null);
  let rows = 0;
  try {
    for await (const row of readRows(input)) {
      if (io.signal.aborted) throw new SmallfirstError('ABORTED', 'the count was stopped; nothing was asked');
      if (rows < SAMPLED && row.problem === null) estimator.add(row);
      rows += 1;
      bar.advance(rows);
    }
  } finally {
    bar.end();
  }
  if (rows === 0) throw new SmallfirstError('INPUT_INVALID', 'the input holds no rows', { position: { file: input } });
  return estimator.of(rows);
}

function seenAt(path: string) {
  const { size, mtimeMs } = statSync(path);
  return { path, bytes: size, changedMs: mtimeMs };
}

function detailOf({ spentUsd, escalated, failed, concurrency }: BatchProgress): string {
  const parts = [
    `$${spentUsd.toFixed(4)}`,
    ...(escalated === 0 ? [] : [`${escalated} escalated`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(concurrency === 0 ? [] : [`${concurrency} at once`]),
  ];
  return parts.join(' · ');
}

function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
