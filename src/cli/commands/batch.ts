import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import {
  type BatchProgress,
  type BatchSummary,
  countRows,
  type Estimate,
  Estimator,
  inputVersion,
  type JobFolder,
  Journal,
  KeptCalls,
  openJobFolder,
  runBatch,
} from '../../batch/index.ts';
import { type Config, loadConfig, type PipelineConfig } from '../../config/index.ts';
import { nanoUsd, SmallfirstError, systemClock } from '../../core/index.ts';
import { openPipelineApp } from '../../pipeline-app.ts';
import { atServiceTiers, loadTokenizer, PriceBook } from '../../pricing/index.ts';
import { systemTimer } from '../../run/index.ts';
import type { CommandIo, ExitCode } from '../io.ts';
import { knownUpstreams } from '../known-providers.ts';
import { counted } from '../table.ts';
import { modelsOf, Pacers, pipelineHash, triedOnce, widthOf } from './batch-models.ts';
import { cancelBatches, refuseBatches, tierInBatches, workInBatches } from './batch-provider.ts';
import { describeEstimate, describeSummary } from './batch-report.ts';
import { type BatchOptions, backlogOf, DRAIN_MS, type Work } from './batch-work.ts';
import { pipelineNamed } from './run.ts';

/** Rows that an estimate counts the texts of; the rest is only counted. */
const SAMPLED = 2_000;

/**
 * `smallfirst batch`: a pipeline over a whole file. Exit 0 when every row was looked at, 1 when the job was stopped before. Throws what
 * reading the config and the input throws, and USAGE for an earlier run that this cannot go on with.
 */
export async function runBatchCommand(name: string, options: BatchOptions, io: CommandIo): Promise<ExitCode> {
  const config = await loadConfig(resolve(io.cwd, options.config), io.env, knownUpstreams());
  const pipeline = pipelineNamed(config.pipelines, name);
  const files = filesOf(options, io.cwd);
  // Seen before it is counted: what changes while it is read makes it another input when the job goes on.
  const version = await inputVersion(files.input);
  if (options.cancel && (options.mode !== 'batch' || !existsSync(`${files.output}.job`))) {
    throw new SmallfirstError('USAGE', '--cancel is for an unfinished run with --mode batch, named by its --output.');
  }
  const estimate = await estimateOf(pipeline, config, files.input, options.mode, io);
  if (options.dryRun) {
    if (options.json) io.json({ dryRun: true, estimate });
    else io.out(describeEstimate(estimate, options.maxCost));
    return 0;
  }
  if (options.maxCost !== undefined && estimate.unpriced.length > 0) {
    const unpriced = estimate.unpriced.join(', ');
    throw new SmallfirstError('BUDGET_UNPRICED', `--max-cost cannot hold: ${unpriced} has no known price; declare one with the model.`);
  }
  if (estimate.highUsd !== 0 || estimate.rows === 0) io.note(describeEstimate(estimate, options.maxCost).trimEnd());
  const folder = openJobFolder(
    `${files.output}.job`,
    {
      pipeline: name,
      pipelineHash: pipelineHash(pipeline, config, options.request),
      input: { path: files.input, version },
      errors: files.errors,
      ordered: options.ordered,
    },
    options.resume || options.cancel,
  );
  try {
    if (options.cancel) {
      const called = await cancelBatches(config, folder, options, io);
      if (options.json) io.json({ cancelled: called });
      else io.out(`${counted(called, 'batch was', 'batches were')} called off; --resume goes on with what was answered.\n`);
      return 0;
    }
    const what = { config, pipeline, files, estimate };
    if (options.mode === 'live') refuseBatches(folder);
    const summary = options.mode === 'batch' ? await workInBatches(what, folder, options, io) : await work(what, folder, options, io);
    if (options.json) io.json(summary);
    else io.out(describeSummary(summary, files));
    if (summary.stopped !== null) io.note('What is finished is written; the same command with --resume goes on from there.');
    return summary.stopped === null ? 0 : 1;
  } finally {
    folder.release(null);
  }
}

async function work(
  { config, pipeline, files, estimate }: Work,
  folder: JobFolder,
  options: BatchOptions,
  io: CommandIo,
): Promise<BatchSummary> {
  const journal = new Journal(folder.journal, folder.card.finished);
  const pacers = new Pacers(config, options.concurrency);
  const now = (): number => systemClock.monotonic();
  const calls = new KeptCalls({ jobId: folder.card.id, journal, pacer: ({ name }) => pacers.of(name), now, after: systemTimer });
  const app = await openPipelineApp(triedOnce(config), {
    dataDir: resolve(io.cwd, options.data),
    environment: io.env,
    calls,
    onAttempt: ({ target, status }) => {
      // Also where another key, or another provider, answered in its place.
      if (status === 429) pacers.of(target.name)?.limited();
    },
    warn: (message) => io.note(`WARNING: ${message}`),
  });
  const bar = io.progress(pipeline.name, estimate.rows);
  try {
    const summary = await runBatch(
      {
        pipeline,
        ...files,
        isOrdered: options.ordered,
        maxCost: options.maxCost === undefined ? null : nanoUsd(options.maxCost),
        width: widthOf(pipeline, config, options.concurrency),
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
        backlog: () => backlogOf(app),
        onProgress: (progress) => bar.advance(progress.done + progress.failed, detailOf(progress)),
      },
    );
    // What was answered is in the record when the command ends, unless its database is gone.
    if (summary.stopped !== 'aborted' && app.recorder.state().lastError === null) await app.recorder.drain(DRAIN_MS);
    return summary;
  } finally {
    bar.end();
    await app.close();
  }
}

/** Where everything is. Throws USAGE where two of them would be the same file, or the output would be read as input. */
function filesOf(options: BatchOptions, cwd: string): Work['files'] {
  const input = resolve(cwd, options.input);
  const output = resolve(cwd, options.output);
  const errors = options.errors === undefined ? `${output.replace(/\.jsonl$/, '')}.errors.jsonl` : resolve(cwd, options.errors);
  const [from, to, side] = [input, output, errors].map(whole) as [string, string, string];
  if (to === side) throw new SmallfirstError('USAGE', '--errors and --output name the same file.');
  for (const [option, path] of [
    ['--output', to],
    ['--errors', side],
  ] as const) {
    if (path === from || path.startsWith(from + sep)) {
      throw new SmallfirstError('USAGE', `${option} lies in the input, which would be overwritten or read as rows: name another place.`);
    }
  }
  return { input, output, errors };
}

/** A path without links, as far as it is there. */
function whole(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const folder = dirname(path);
  return folder === path ? path : join(whole(folder), basename(path));
}

/** Counts the rows, and what they would cost. */
async function estimateOf(
  pipeline: PipelineConfig,
  config: Config,
  input: string,
  mode: BatchOptions['mode'],
  io: CommandIo,
): Promise<Estimate> {
  const bar = io.progress('count', null);
  try {
    const { rows, first } = await countRows(input, SAMPLED, (count) => {
      if (io.signal.aborted) throw new SmallfirstError('ABORTED', 'the count was stopped; nothing was asked');
      bar.advance(count);
    });
    // No token changes what a student in this process costs: then nothing is counted, and no tokenizer is loaded.
    const isByToken = modelsOf(pipeline, config).some((name) => {
      const model = config.models.get(name);
      return model?.provider !== 'student' || model.embeddings !== undefined;
    });
    const countTokens = isByToken ? await loadTokenizer() : () => 0;
    const book = new PriceBook({ declared: config.prices, warn: () => {} });
    const prices = mode === 'batch' ? atServiceTiers(book, tierInBatches) : book;
    const estimator = new Estimator(pipeline, { config, prices, now: systemClock.now(), countTokens });
    for (const row of first) if (row.problem === null) estimator.add(row);
    return estimator.of(rows);
  } finally {
    bar.end();
  }
}

function detailOf({ spentUsd, escalated, failed, rowsPerSecond, concurrency }: BatchProgress): string {
  const parts = [
    `${rowsPerSecond.toFixed(rowsPerSecond < 10 ? 1 : 0)} rows/s`,
    `$${spentUsd.toFixed(4)}`,
    `${escalated} escalated`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(concurrency === 0 ? [] : [`${concurrency} at once`]),
  ];
  return parts.join(' · ');
}
