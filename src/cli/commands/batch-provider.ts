import { setMaxListeners } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  AnswerBook,
  askInBatches,
  BatchCalls,
  type BatchSummary,
  cancelBatch,
  type JobFolder,
  Journal,
  type RoundProgress,
  Rounds,
  runBatch,
} from '../../batch/index.ts';
import type { Config } from '../../config/index.ts';
import { nanoUsd, SmallfirstError, systemClock } from '../../core/index.ts';
import { countInput } from '../../gateway/index.ts';
import { openPipelineApp, type PipelineApp } from '../../pipeline-app.ts';
import { loadTokenizer, type ServiceTier } from '../../pricing/index.ts';
import { type BatchModel, batchModel, hasBatches } from '../../providers/index.ts';
import { systemTimer, worstCost } from '../../run/index.ts';
import { openBatchUpstreams } from '../../upstream-settings.ts';
import type { CommandIo } from '../io.ts';
import { counted } from '../table.ts';
import { Pacers, triedOnce, widthOf } from './batch-models.ts';
import { type BatchOptions, backlogOf, DRAIN_MS, type Work } from './batch-work.ts';

/** What an answer is taken to need where nothing limits it. */
const USUAL_OUTPUT = 4_096;

/** The price that a provider's models have with `--mode batch`: those without a batch API are asked straight. */
export function tierInBatches(provider: string): ServiceTier {
  return hasBatches(provider) ? 'batch' : 'default';
}

/** Throws USAGE for a job that was begun with `--mode batch` and is now to go on without: what its batches answer would be paid for twice. */
export function refuseBatches(folder: JobFolder): void {
  if (folder.card.finished !== undefined || !existsSync(batchesOf(folder))) return;
  throw new SmallfirstError(
    'USAGE',
    'The earlier run asks in batches: go on with --mode batch, or call them off with --mode batch --cancel.',
  );
}

/**
 * `smallfirst batch --mode batch`: asks in batches until no call is open, then runs every row with the answers. Throws what ends a batch;
 * what was sent stays sent, and the same job goes on from it.
 */
export async function workInBatches(work: Work, folder: JobFolder, options: BatchOptions, io: CommandIo): Promise<BatchSummary> {
  const { config, pipeline, files, estimate } = work;
  // Many rows are under way together, and each may be stopped.
  setMaxListeners(0, io.signal);
  const place = batchesOf(folder);
  if (!folder.isResumed) rmSync(place, { recursive: true, force: true });
  const journal = new Journal(folder.journal, folder.card.finished);
  const job = new Batches(config, folder, options, io);
  const app = await openPipelineApp(triedOnce(config), {
    dataDir: resolve(io.cwd, options.data),
    environment: io.env,
    calls: job.calls,
    serviceTier: tierInBatches,
    isLimited: options.maxCost !== undefined,
    warn: (message) => io.note(`WARNING: ${message}`),
  });
  const bar = io.progress(pipeline.name, null);
  try {
    const width = widthOf(pipeline, config, options.concurrency);
    const plan = { pipeline, request: options.request, width, maxCost: null, ...files };
    const firstOpen = await job.ask(app, { ...plan, maxCost: capOf(options), batchRequests: options.batchSize }, journal, (progress) =>
      bar.advance(progress.answered, detailOf(progress)),
    );
    bar.end();
    const summary = await runBatch(
      {
        ...plan,
        isOrdered: options.ordered,
        total: estimate.rows,
        ...(firstOpen === null ? {} : { end: { before: firstOpen, why: 'max-cost' } }),
      },
      {
        clock: systemClock,
        world: app.world,
        calls: job.calls,
        journal,
        folder,
        signal: io.signal,
        concurrency: () => job.pacers.total(),
        backlog: () => backlogOf(app),
        onProgress: () => {},
      },
    );
    if (summary.stopped === null) rmSync(place, { recursive: true, force: true });
    if (summary.stopped !== 'aborted' && app.recorder.state().lastError === null) await app.recorder.drain(DRAIN_MS);
    return { ...summary, batches: job.rounds.batches.length };
  } catch (error) {
    if (!io.signal.aborted) io.note('Batches that were sent go on at their providers; the same command with --resume takes their answers.');
    else if (error instanceof SmallfirstError && error.code === 'ABORTED') return stopped(estimate.rows, job.rounds.batches.length);
    throw error;
  } finally {
    bar.end();
    await app.close();
    await job.close();
  }
}

/** Calls off every batch of an unfinished job that is at work; tells how many. Throws what a provider's API throws. */
export async function cancelBatches(config: Config, folder: JobFolder, options: BatchOptions, io: CommandIo): Promise<number> {
  const job = new Batches(config, folder, options, io);
  try {
    const open = job.rounds.batches.filter(({ card }) => card.state === 'sent' || card.state === 'sending');
    for (const batch of open) {
      const api = job.modelOf(batch.card.model)?.api;
      if (api === undefined) throw new SmallfirstError('MODEL_NOT_FOUND', `The model ${batch.card.model} has no batch API any more.`);
      await cancelBatch(batch, { ...job.waits(), api, others: () => new Set(), priceOf: () => null, onChange: () => {} });
    }
    return open.length;
  } finally {
    await job.close();
  }
}

/** The batches of a job: what is kept of them, and how their providers are reached. */
class Batches {
  readonly rounds: Rounds;
  readonly calls: BatchCalls;
  readonly pacers: Pacers;
  readonly #config: Config;
  readonly #options: BatchOptions;
  readonly #io: CommandIo;
  readonly #answers: AnswerBook;
  readonly #upstreams;
  readonly #models = new Map<string, BatchModel | null>();

  constructor(config: Config, folder: JobFolder, options: BatchOptions, io: CommandIo) {
    this.#config = config;
    this.#options = options;
    this.#io = io;
    const place = batchesOf(folder);
    this.rounds = new Rounds(place, folder.card.id);
    this.#answers = new AnswerBook(join(place, 'answers'));
    this.pacers = new Pacers(config, options.concurrency);
    this.#upstreams = openBatchUpstreams(config, io.env);
    this.calls = new BatchCalls({
      jobId: folder.card.id,
      answers: this.#answers,
      batches: ({ name }) => this.modelOf(name),
      pacer: ({ name }) => this.pacers.of(name),
      now: () => systemClock.monotonic(),
      after: systemTimer,
    });
  }

  /** A model through its provider's batch API; null where that has none. */
  modelOf(name: string): BatchModel | null {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const found = this.#upstreams.has(name) ? batchModel(this.#upstreams.get(name)) : null;
    this.#models.set(name, found);
    return found;
  }

  /** How batches are waited for. */
  waits() {
    return { answers: this.#answers, signal: this.#io.signal, now: () => systemClock.now(), sleep, pollMs: this.#options.poll * 1_000 };
  }

  async ask(
    app: PipelineApp,
    plan: Parameters<typeof askInBatches>[0],
    journal: Journal,
    onProgress: (progress: RoundProgress) => void,
  ): Promise<number | null> {
    const countTokens = plan.maxCost === null ? null : await loadTokenizer();
    let told = 0;
    return askInBatches(plan, {
      ...this.waits(),
      world: app.world,
      calls: this.calls,
      rounds: this.rounds,
      isFinished: (row) => journal.isFinished(row),
      batches: (model) => this.modelOf(model),
      priceOf: (name, body) => {
        const used = this.modelOf(name)?.usageOf(body) ?? null;
        const model = this.#config.models.get(name);
        return used === null || model === undefined ? null : (app.prices.price(model, used, systemClock.now())?.cost ?? null);
      },
      worstOf: (model, request) => {
        const inputTokens = countTokens === null ? 0 : countInput(request, countTokens);
        const worst = { inputTokens, outputTokens: request.maxTokens ?? USUAL_OUTPUT, longCache: false, serviceTier: 'batch' } as const;
        return worstCost(app.prices, model, worst, systemClock.now());
      },
      onProgress: (progress) => {
        if (progress.round > told && progress.open > 0) {
          told = progress.round;
          this.#io.note(
            `Round ${told}: ${counted(progress.open, 'batch is with its provider', 'batches are with their providers')}; ${counted(progress.requests, 'request')} so far.`,
          );
        }
        onProgress(progress);
      },
    });
  }

  async close(): Promise<void> {
    this.#answers.close();
    await this.#upstreams.destroy();
  }
}

function batchesOf({ journal }: JobFolder): string {
  return join(dirname(journal), 'batches');
}

function capOf({ maxCost }: BatchOptions) {
  return maxCost === undefined ? null : nanoUsd(maxCost);
}

/** A job that was stopped while its batches are at work: no row is finished yet. */
function stopped(rows: number, batches: number): BatchSummary {
  const none = { done: 0, failed: 0, skipped: 0, costUsd: 0, rowsPerSecond: 0, escalated: 0, atRisk: 0, reused: 0 };
  return { rows, ...none, batches, stopped: 'aborted' };
}

function detailOf({ round, requests, batches, open, spentUsd }: RoundProgress): string {
  return `of ${counted(requests, 'request')} · round ${round} · ${open} of ${batches} batches open · $${spentUsd.toFixed(4)}`;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
