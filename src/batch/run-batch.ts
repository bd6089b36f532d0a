import type { PipelineConfig } from '../config/index.ts';
import { addUsd, type Clock, type Json, type NanoUsd, SmallfirstError, toUsd, ZERO_USD } from '../core/index.ts';
import { type PipelineRun, type PipelineWorld, rowOf, runPipeline } from '../pipeline/index.ts';
import { FinishedRows } from './finished-rows.ts';
import type { JobFolder } from './job-folder.ts';
import { inBulk, JobPurse, withinShare } from './job-purse.ts';
import type { Checkpoint, Journal } from './journal.ts';
import type { KeptCalls } from './kept-calls.ts';
import { Outage } from './outage.ts';
import { RowFile } from './output.ts';
import { RowQueue } from './row-queue.ts';
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
  /** Where it ends before the last row, and why: that row and those after it are left for later. Absent: at the last row. */
  readonly end?: { readonly before: number; readonly why: NonNullable<BatchSummary['stopped']> };
}

/** What a job needs of the world. */
export interface BatchDeps {
  readonly clock: Clock;
  readonly world: PipelineWorld;
  readonly calls: Pick<KeptCalls, 'begin' | 'end' | 'takeSpent' | 'reused'>;
  readonly journal: Journal;
  readonly folder: JobFolder;
  readonly signal: AbortSignal;
  readonly concurrency: () => number;
  /** Bytes that are recorded and not yet in the store. */
  readonly backlog: () => number;
  readonly onProgress: (progress: BatchProgress) => void;
}

/** Lines wait no longer than this to be written, in milliseconds, and progress is told as often. */
const FLUSH_MS = 500;
/** Work in this process gives everything else a turn this often. */
const TURN_MS = 10;
/** The record may be this far behind before rows wait for it. */
const MAX_BACKLOG = 8 * 1024 * 1024;
const BACKLOG_LOOK_MS = 20;
/** How far a row may be ahead of the first one that is not finished: a slow one holds the others up before they fill the memory. */
const AHEAD = 1_024;

/**
 * Runs every row of an input through a pipeline, several at a time. What is finished is written with a checkpoint, so that a run that is
 * killed goes on where it was; memory does not grow with the input. A row that cannot be answered goes to the side file.
 * Throws what reading the input and writing the output throw. An aborted signal, a spent cap or a provider that answers nobody ends it
 * early: what is finished is written.
 */
export async function runBatch(plan: BatchPlan, deps: BatchDeps): Promise<BatchSummary> {
  return new Job(plan, deps).toEnd();
}

class Job {
  readonly #plan: BatchPlan;
  readonly #deps: BatchDeps;
  readonly #pipeline: PipelineConfig;
  readonly #finished: FinishedRows;
  readonly #output: RowFile;
  readonly #errors: RowFile;
  readonly #money: JobPurse;
  readonly #outage = new Outage<{ readonly row: InputRow; readonly error: SmallfirstError }>();
  readonly #startedAt: number;
  readonly #before: { readonly done: number; readonly failed: number };
  readonly #ahead: number;
  #behind: (() => void)[] = [];
  #rows = 0;
  #done = 0;
  #failed = 0;
  #skipped = 0;
  #escalated = 0;
  #spent: NanoUsd = ZERO_USD;
  #isUnpriced = false;
  #lastError: SmallfirstError | null = null;
  #stopped: BatchSummary['stopped'] = null;
  #turnAt: number;

  constructor(plan: BatchPlan, deps: BatchDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#pipeline = inBulk(plan.pipeline);
    const { checkpoint } = deps.journal;
    this.#output = new RowFile(plan.output, checkpoint.outputBytes);
    this.#errors = new RowFile(plan.errors, checkpoint.errorBytes);
    this.#finished = new FinishedRows(
      {
        write: (output, errors, progress) => this.#write(output, errors, progress),
      },
      plan.isOrdered,
      checkpoint,
    );
    this.#money = new JobPurse(plan.maxCost, plan.width);
    this.#before = { done: checkpoint.done, failed: checkpoint.failed };
    this.#ahead = Math.max(AHEAD, 4 * plan.width);
    this.#startedAt = deps.clock.monotonic();
    this.#turnAt = this.#startedAt;
  }

  async toEnd(): Promise<BatchSummary> {
    const { signal, journal, folder } = this.#deps;
    this.#output.touch();
    // Where it begins: progress is measured from here.
    this.#tell();
    const rows = new RowQueue(this.#plan.input);
    let failure: Error | null = null;
    let isComplete = false;
    const timer = setInterval(() => this.#tick(), FLUSH_MS);
    const onAbort = (): void => this.#stop('aborted');
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.all(
        Array.from({ length: this.#plan.width }, () =>
          this.#work(rows).catch((error: unknown) => {
            // Nothing more is begun, and what is under way ends first.
            failure ??= error instanceof Error ? error : new TypeError('a row failed', { cause: error });
            this.#stop('aborted');
          }),
        ),
      );
      if (this.#stopped === null) this.#settleHeld();
      this.#finished.flush();
      if (failure !== null) throw failure as Error;
      isComplete = this.#stopped === null;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
      await rows.close();
      this.#output.close();
      this.#errors.close();
      journal.close();
      folder.release(isComplete ? journal.checkpoint : null);
    }
    this.#tell();
    return this.#summary();
  }

  /** All of it or nothing: what a full disk did not take is written again, in the same place. */
  #write(output: string, errors: string, progress: Omit<Checkpoint, 'outputBytes' | 'errorBytes'>): void {
    const before = [this.#output.bytes, this.#errors.bytes] as const;
    try {
      this.#output.write(output);
      this.#errors.write(errors);
      this.#deps.journal.checked({ ...progress, outputBytes: this.#output.bytes, errorBytes: this.#errors.bytes });
    } catch (error) {
      this.#output.rewind(before[0]);
      this.#errors.rewind(before[1]);
      throw error;
    }
  }

  #stop(why: NonNullable<BatchSummary['stopped']>): void {
    this.#stopped ??= why;
    this.#money.letGo();
    this.#catchUp();
  }

  async #work(rows: RowQueue): Promise<void> {
    while (this.#stopped === null) {
      const next = rows.next();
      const row = next instanceof Promise ? await next : next;
      if (row === null || this.#isStopped()) return;
      const { end } = this.#plan;
      if (end !== undefined && row.ordinal >= end.before) {
        this.#stop(end.why);
        return;
      }
      this.#rows += 1;
      if (this.#deps.journal.isFinished(row.ordinal)) this.#skipped += 1;
      else {
        while (row.ordinal - this.#finished.upTo >= this.#ahead && !this.#isStopped()) {
          // A row that was held back all this time holds nobody up.
          if (this.#settleHeld()) continue;
          await new Promise<void>((resolve) => this.#behind.push(resolve));
        }
        await this.#row(row);
      }
      const now = this.#deps.clock.monotonic();
      if (now - this.#turnAt >= TURN_MS) await this.#turn();
    }
  }

  /** Asked anew: it changes while something is awaited. */
  #isStopped(): boolean {
    return this.#stopped !== null;
  }

  /** Lets timers and input have a turn, since work in this process never waits for anything; and lets the record catch up. */
  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#deps.backlog() > MAX_BACKLOG && !this.#isStopped()) await new Promise((resolve) => setTimeout(resolve, BACKLOG_LOOK_MS));
    this.#turnAt = this.#deps.clock.monotonic();
  }

  async #row(row: InputRow): Promise<void> {
    if (row.problem !== null) {
      this.#refuse(row, new SmallfirstError('INPUT_INVALID', row.problem));
      return;
    }
    const { calls } = this.#deps;
    const id = calls.begin(row.ordinal);
    try {
      for (let isAgain = false; !this.#isStopped(); isAgain = true) {
        const share = this.#money.take(isAgain);
        const isStarved = await this.#attempt(row, id, share.granted);
        const spent = calls.takeSpent(id);
        this.#spend(spent);
        this.#money.giveBack(share, spent, isStarved);
        if (!isStarved) return;
        if (share.isAll) this.#stop('max-cost');
        else await this.#money.othersEnd();
      }
    } finally {
      calls.end(id);
    }
  }

  /** Runs a row; true where the job's cap left it too little. Throws only what is no failure of a row. */
  async #attempt(row: InputRow, id: string, granted: NanoUsd | null): Promise<boolean> {
    let isStarved = false;
    const { world } = this.#deps;
    const own = granted === null ? world : withinShare(world, granted, () => (isStarved = true));
    try {
      const result = await runPipeline(this.#pipeline, this.#runOf(row, id, granted), own);
      if (isStarved) return true;
      this.#settleHeld();
      if (result.escalated > 0) this.#escalated += 1;
      this.#done += 1;
      this.#add(row, JSON.stringify(rowOf(result, row.id)), false);
      return false;
    } catch (error) {
      if (isStarved) return true;
      this.#failedWith(row, error);
      return false;
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
    if (this.#deps.signal.aborted) this.#stop('aborted');
    else if (!(error instanceof SmallfirstError)) throw error;
    else if (this.#outage.holds({ row, error }, error)) {
      this.#lastError = error;
      if (this.#outage.isCertain) this.#stop('upstream');
    } else this.#refuse(row, error);
  }

  #settleHeld(): boolean {
    const held = this.#outage.over();
    for (const { row, error } of held) this.#refuse(row, error);
    return held.length > 0;
  }

  #refuse(row: InputRow, { code, message }: SmallfirstError): void {
    this.#failed += 1;
    const line: ErrorRow = { id: row.id, line: row.line, error: { code, message } };
    this.#add(row, JSON.stringify(line), true);
  }

  #add({ ordinal }: InputRow, line: string, isError: boolean): void {
    this.#finished.add({ ordinal, line: `${line}\n`, isError });
    if (this.#behind.length > 0) this.#catchUp();
  }

  #catchUp(): void {
    const waiting = this.#behind;
    this.#behind = [];
    for (const resolve of waiting) resolve();
  }

  #spend(cost: NanoUsd | null): void {
    if (cost === null) this.#isUnpriced = true;
    else this.#spent = addUsd(this.#spent, cost);
  }

  #tick(): void {
    try {
      this.#finished.flush();
    } catch {
      // A full disk ends the job where rows are added, or at its end; here nobody would hear of it.
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
      rowsPerSecond: this.#rate(),
      concurrency: this.#deps.concurrency(),
    });
  }

  #rate(): number {
    const seconds = (this.#deps.clock.monotonic() - this.#startedAt) / 1000;
    return seconds > 0 ? (this.#done + this.#failed) / seconds : 0;
  }

  #summary(): BatchSummary {
    return {
      rows: this.#rows,
      done: this.#done,
      failed: this.#failed,
      skipped: this.#skipped,
      costUsd: this.#isUnpriced ? null : toUsd(this.#spent),
      rowsPerSecond: this.#rate(),
      escalated: this.#escalated,
      atRisk: this.#deps.journal.atRisk,
      reused: this.#deps.calls.reused,
      stopped: this.#stopped,
      ...(this.#stopped === 'upstream' && this.#lastError !== null
        ? { error: { code: this.#lastError.code, message: this.#lastError.message } }
        : {}),
    };
  }
}
