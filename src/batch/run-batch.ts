import type { PipelineConfig } from '../config/index.ts';
import { addUsd, type Clock, type Json, type NanoUsd, SmallfirstError, toUsd, ZERO_USD } from '../core/index.ts';
import { type PipelineRun, type PipelineWorld, Purse, rowOf, runPipeline } from '../pipeline/index.ts';
import { FinishedRows } from './finished-rows.ts';
import type { JobFolder } from './job-folder.ts';
import type { Journal } from './journal.ts';
import type { KeptCalls } from './kept-calls.ts';
import { RowFile } from './output.ts';
import { readRows } from './read-rows.ts';
import type { BatchProgress, BatchSummary, ErrorRow, InputRow } from './types.ts';

/** What a job is to do. */
export interface BatchPlan {
  readonly pipeline: PipelineConfig;
  /** Paths of the input, of the output and of the side file for errors. */
  readonly input: string;
  readonly output: string;
  readonly errors: string;
  readonly isOrdered: boolean;
  /** The most that this run may spend; null is no limit. */
  readonly maxCost: NanoUsd | null;
  /** Rows under way together. */
  readonly width: number;
  /** What is said of every row's request. */
  readonly request: Readonly<Record<string, Json>>;
  /** Rows of the input, where they were counted. */
  readonly total: number | null;
}

/** What a job needs of the world. */
export interface BatchDeps {
  readonly clock: Clock;
  readonly world: PipelineWorld;
  readonly calls: KeptCalls;
  readonly journal: Journal;
  readonly folder: JobFolder;
  readonly signal: AbortSignal;
  readonly concurrency: () => number;
  readonly onProgress: (progress: BatchProgress) => void;
}

/** Lines wait no longer than this to be written, in milliseconds, and progress is told as often. */
const FLUSH_MS = 500;
/** Work in this process gives everything else a turn this often. */
const TURN_MS = 10;

/**
 * Runs every row of an input through a pipeline, several at a time. What is finished is written with a checkpoint, so that a run that is
 * killed goes on where it was; memory does not grow with the input. A row that cannot be answered goes to the side file.
 * Throws what reading the input throws. An aborted signal or a spent cap ends it early: what is finished is written.
 */
export async function runBatch(plan: BatchPlan, deps: BatchDeps): Promise<BatchSummary> {
  return new Job(plan, deps).toEnd();
}

class Job {
  readonly #plan: BatchPlan;
  readonly #deps: BatchDeps;
  readonly #finished: FinishedRows;
  readonly #output: RowFile;
  readonly #errors: RowFile;
  readonly #purse: Purse;
  readonly #startedAt: number;
  readonly #before: { readonly done: number; readonly failed: number };
  #rows = 0;
  #done = 0;
  #failed = 0;
  #skipped = 0;
  #escalated = 0;
  #spent: NanoUsd = ZERO_USD;
  #isUnpriced = false;
  #underWay = 0;
  #stopped: BatchSummary['stopped'] = null;
  #flushedAt: number;
  #turnAt: number;

  constructor(plan: BatchPlan, deps: BatchDeps) {
    this.#plan = plan;
    this.#deps = deps;
    const { checkpoint } = deps.journal;
    this.#output = new RowFile(plan.output, checkpoint.outputBytes);
    this.#errors = new RowFile(plan.errors, checkpoint.errorBytes);
    this.#finished = new FinishedRows(
      {
        write: (output, errors, progress) => {
          this.#output.write(output);
          this.#errors.write(errors);
          deps.journal.checked({ ...progress, outputBytes: this.#output.bytes, errorBytes: this.#errors.bytes });
        },
      },
      plan.isOrdered,
      checkpoint,
    );
    this.#purse = new Purse(plan.maxCost);
    this.#before = { done: checkpoint.done, failed: checkpoint.failed };
    this.#startedAt = deps.clock.monotonic();
    this.#flushedAt = this.#startedAt;
    this.#turnAt = this.#startedAt;
  }

  async toEnd(): Promise<BatchSummary> {
    const { plan, deps } = { plan: this.#plan, deps: this.#deps };
    this.#output.touch();
    const rows = readRows(plan.input);
    const timer = setInterval(() => this.#tick(), FLUSH_MS);
    let isComplete = false;
    try {
      const ended = await Promise.allSettled(
        Array.from({ length: plan.width }, () =>
          this.#work(rows).catch((error: unknown) => {
            // Nothing more is begun, and what is under way ends first.
            this.#stopped ??= 'aborted';
            throw error;
          }),
        ),
      );
      const failure = ended.find((one) => one.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
      isComplete = this.#stopped === null;
    } finally {
      clearInterval(timer);
      this.#finished.flush();
      this.#output.close();
      this.#errors.close();
      deps.journal.close();
      deps.folder.release(isComplete ? deps.journal.checkpoint : null);
    }
    this.#tell();
    return this.#summary();
  }

  async #work(rows: AsyncGenerator<InputRow>): Promise<void> {
    while (this.#stopped === null) {
      if (this.#deps.signal.aborted) {
        this.#stopped = 'aborted';
        return;
      }
      const next = await rows.next();
      if (next.done) return;
      this.#rows += 1;
      if (this.#deps.journal.isFinished(next.value.ordinal)) this.#skipped += 1;
      else await this.#row(next.value);
      await this.#turn();
    }
  }

  /** Lets timers and input have a turn: work in this process never waits for anything. */
  async #turn(): Promise<void> {
    const now = this.#deps.clock.monotonic();
    if (now - this.#turnAt < TURN_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnAt = this.#deps.clock.monotonic();
  }

  async #row(row: InputRow): Promise<void> {
    if (row.problem !== null) {
      this.#refuse(row, new SmallfirstError('INPUT_INVALID', row.problem));
      return;
    }
    const part = this.#purse.take(Math.max(1, this.#plan.width - this.#underWay));
    const granted = part.grant(null);
    this.#underWay += 1;
    const id = this.#deps.calls.begin(row.ordinal);
    try {
      const result = await runPipeline(this.#plan.pipeline, this.#runOf(row, id, granted), this.#deps.world);
      part.spend(result.cost, granted);
      this.#spend(result.cost);
      if (result.escalated > 0) this.#escalated += 1;
      this.#done += 1;
      this.#finished.add({ ordinal: row.ordinal, line: `${JSON.stringify(rowOf(result, row.id))}\n`, isError: false });
    } catch (error) {
      const cost = this.#deps.world.costOf(error);
      part.spend(cost, granted);
      this.#spend(cost);
      this.#failedWith(row, error);
    } finally {
      this.#underWay -= 1;
      this.#purse.join(part);
      this.#deps.calls.end(id);
    }
  }

  #runOf(row: InputRow, id: string, budget: NanoUsd | null): PipelineRun {
    return {
      id,
      itemId: String(row.id),
      input: row.input,
      request: this.#plan.request,
      budget,
      deadlineAt: null,
      signal: this.#deps.signal,
      origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: { job: this.#deps.folder.card.id } },
    };
  }

  /** A row that was broken off by us is no failure of its own: it is done when the job goes on. */
  #failedWith(row: InputRow, error: unknown): void {
    const failure = error instanceof SmallfirstError ? error : null;
    if (failure?.code === 'ABORTED' && this.#deps.signal.aborted) this.#stopped = 'aborted';
    else if (failure?.code === 'BUDGET_EXCEEDED' && this.#plan.maxCost !== null) this.#stopped = 'max-cost';
    else if (failure !== null) this.#refuse(row, failure);
    else throw error;
  }

  #refuse({ id, line, ordinal }: InputRow, { code, message }: SmallfirstError): void {
    this.#failed += 1;
    const row: ErrorRow = { id, line, error: { code, message } };
    this.#finished.add({ ordinal, line: `${JSON.stringify(row)}\n`, isError: true });
  }

  #spend(cost: NanoUsd | null): void {
    if (cost === null) this.#isUnpriced = true;
    else this.#spent = addUsd(this.#spent, cost);
  }

  #tick(): void {
    const now = this.#deps.clock.monotonic();
    if (now - this.#flushedAt >= FLUSH_MS) {
      this.#finished.flush();
      this.#flushedAt = now;
    }
    this.#tell();
  }

  #tell(): void {
    this.#deps.onProgress({
      total: this.#plan.total,
      done: this.#before.done + this.#done,
      failed: this.#before.failed + this.#failed,
      escalated: this.#escalated,
      spentUsd: toUsd(this.#spent),
      concurrency: this.#deps.concurrency(),
    });
  }

  #summary(): BatchSummary {
    const seconds = (this.#deps.clock.monotonic() - this.#startedAt) / 1000;
    return {
      rows: this.#rows,
      done: this.#done,
      failed: this.#failed,
      skipped: this.#skipped,
      costUsd: this.#isUnpriced ? null : toUsd(this.#spent),
      rowsPerSecond: seconds > 0 ? (this.#done + this.#failed) / seconds : 0,
      escalated: this.#escalated,
      atRisk: this.#deps.journal.atRisk,
      reused: this.#deps.calls.reused,
      stopped: this.#stopped,
    };
  }
}
