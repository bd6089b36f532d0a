import { setMaxListeners } from 'node:events';
import { inBulk, isOutage, KeptCalls, type Pacer, withinShare } from '../batch/index.ts';
import type { PipelineConfig } from '../config/index.ts';
import { addUsd, type Clock, type Json, type Model, type NanoUsd, SmallfirstError, ZERO_USD } from '../core/index.ts';
import { type PipelineRun, type PipelineWorld, rowOf, runPipeline } from '../pipeline/index.ts';
import type { CellGrant, CellHold, RowResult, WorkRow, WorkState, WorkStore } from '../store/index.ts';
import { type CellJournal, openCellJournal } from './cell-journal.ts';
import { CellMoney } from './cell-money.ts';
import type { Slots } from './slots.ts';
import type { WorkCalls } from './work-calls.ts';

/** What a cell needs of its worker. */
export interface CellRunDeps {
  readonly clock: Clock;
  readonly store: Pick<WorkStore, 'keep' | 'widen'>;
  readonly world: PipelineWorld;
  readonly calls: WorkCalls;
  readonly pacer: (model: Model) => Pacer | null;
  readonly after: (ms: number, run: () => void) => () => void;
  readonly slots: (job: string, limit: number) => Slots;
  /** Where journals are kept. */
  readonly folder: string;
  /** Rows of a cell that are under way together. */
  readonly width: (pipeline: PipelineConfig) => number;
  /** Does something with the database until it is there. */
  readonly insist: <T>(work: () => Promise<T>) => Promise<T>;
  /** Resolves when the record has caught up. */
  readonly settled: () => Promise<void>;
  /** Ends what is under way at once. */
  readonly signal: AbortSignal;
}

/**
 * How a cell ended: every row has a result; rows are left (the worker stops, or the job does); no provider answered; the job's cap leaves
 * too little while others have some of it (`short`), or at all (`spent`).
 */
export type CellEnd = 'done' | 'stopped' | 'outage' | 'short' | 'spent';

/** Results wait no longer than this to be kept. */
const KEEP_MS = 200;
/** Work in this process gives everything else a turn this often. */
const TURN_MS = 10;

type Granted = Extract<CellGrant, { readonly kind: 'granted' }>;

/** One cell on its way: its rows go through the pipeline, and their results into the database as they come. */
export class CellRun {
  readonly #deps: CellRunDeps;
  readonly #pipeline: PipelineConfig;
  readonly #hold: CellHold;
  readonly #granted: Granted;
  readonly #kept: KeptCalls;
  readonly #own: CellJournal;
  readonly #halt = new AbortController();
  readonly #short: WorkRow[] = [];
  readonly #out: { readonly row: WorkRow; readonly error: SmallfirstError }[] = [];
  /** Spent on rows that have no result yet. */
  #unbooked: NanoUsd = ZERO_USD;
  /** What others have reserved of the job's cap, as it was when more was asked for. */
  #others: NanoUsd = ZERO_USD;
  readonly #signal: AbortSignal;
  #pending: RowResult[] = [];
  #keeping: Promise<void> = Promise.resolve();
  #callOff: (() => void) | null = null;
  #isStopped = false;
  #answered = 0;
  #turnAt: number;

  constructor(pipeline: PipelineConfig, hold: CellHold, granted: Granted, deps: CellRunDeps) {
    this.#deps = deps;
    this.#pipeline = inBulk(pipeline);
    this.#hold = hold;
    this.#granted = granted;
    this.#own = openCellJournal(deps.folder, hold);
    const { pacer, after, clock } = deps;
    this.#kept = new KeptCalls({ jobId: hold.job, journal: this.#own.journal, pacer, after, now: () => clock.monotonic() });
    this.#turnAt = clock.monotonic();
    this.#signal = AbortSignal.any([deps.signal, this.#halt.signal]);
    // Every call that is under way listens.
    setMaxListeners(0, this.#signal);
  }

  /** Begins no more rows; what is under way ends. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Ends what is under way. */
  halt(): void {
    this.#isStopped = true;
    this.#halt.abort();
  }

  /** Runs rows until each has a result or something ends the cell. Throws what is no failure of a row. */
  async toEnd(): Promise<CellEnd> {
    let end: CellEnd = 'stopped';
    try {
      end = await this.#rows();
      return end;
    } finally {
      this.#callOff?.();
      this.#own.close(end === 'done');
    }
  }

  async #rows(): Promise<CellEnd> {
    const { rows, budget } = this.#granted;
    const width = Math.max(1, Math.min(rows.length, this.#deps.width(this.#pipeline)));
    await this.#through([...rows], width, new CellMoney(budget, width));
    const isShort = !this.#isStopped && this.#short.length > 0 && !(await this.#oneByOne());
    const isUnanswered = this.#out.length > 0 && this.#answered === 0;
    if (!isUnanswered) for (const { row, error } of this.#out.splice(0)) this.#fail(row, error, ZERO_USD);
    const isDone = !isShort && !isUnanswered && !this.#isStopped;
    // What is being kept may hear meanwhile that the job was stopped: then the rest is kept, and the cell, whose rows all have a result, ends.
    await this.#flush(isDone);
    if (isDone) return 'done';
    if (isShort) return this.#others > ZERO_USD ? 'short' : 'spent';
    return isUnanswered && !this.#isStopped ? 'outage' : 'stopped';
  }

  /** Rows whose part was too small, each with everything that is left of the job's cap; false where that is too little as well. */
  async #oneByOne(): Promise<boolean> {
    for (const row of this.#short.splice(0)) {
      if (this.#isStopped) return true;
      await this.#flush();
      const { budget, others } = await this.#deps.insist(() => this.#deps.store.widen(this.#hold));
      await this.#through([row], 1, new CellMoney(budget, 1));
      this.#others = others;
      if (this.#short.length > 0) return false;
    }
    return true;
  }

  async #through(rows: readonly WorkRow[], width: number, money: CellMoney): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < rows.length && !this.#isStopped) {
        const row = rows[next] as WorkRow;
        next += 1;
        await this.#row(row, money);
        if (this.#deps.clock.monotonic() - this.#turnAt >= TURN_MS) await this.#turn();
      }
    };
    const ended = await Promise.allSettled(
      Array.from({ length: Math.min(width, rows.length) }, () =>
        work().catch((error: unknown) => {
          this.#isStopped = true;
          throw error;
        }),
      ),
    );
    const failure = ended.find((one) => one.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.#deps.settled();
    this.#turnAt = this.#deps.clock.monotonic();
  }

  async #row(row: WorkRow, money: CellMoney): Promise<void> {
    if (row.problem !== null) {
      this.#add(row, errorLine(row, 'INPUT_INVALID', row.problem), { isError: true, escalated: false, spent: ZERO_USD, retry: false });
      return;
    }
    const { world, calls, slots } = this.#deps;
    const { concurrency } = this.#granted.job;
    const id = this.#kept.begin(row.ordinal);
    calls.begin(id, {
      kept: this.#kept,
      generation: this.#own.generation,
      slots: concurrency === null ? null : slots(this.#hold.job, concurrency),
    });
    const part = money.take();
    const granted = part.grant(null);
    const state = { isShort: false };
    const own = granted === null ? world : withinShare(world, granted, () => (state.isShort = true));
    let spent: NanoUsd | null = ZERO_USD;
    try {
      const result = await runPipeline(this.#pipeline, this.#runOf(row, id, granted), own).finally(() => {
        spent = this.#kept.takeSpent(id);
      });
      if (state.isShort) throw new SmallfirstError('BUDGET_EXCEEDED', 'The cap of the job leaves too little.');
      this.#answered += 1;
      const line = JSON.stringify(rowOf(result, row.id));
      this.#add(row, line, { isError: false, escalated: result.escalated > 0, spent, retry: false });
    } catch (error) {
      if (state.isShort) {
        this.#book(spent);
        this.#short.push(row);
      } else this.#failedWith(row, error, spent);
    } finally {
      money.giveBack(part, granted, spent);
      calls.end(id);
      this.#kept.end(id);
    }
  }

  #runOf(row: WorkRow, id: string, budget: NanoUsd | null): PipelineRun {
    return {
      id,
      itemId: String(row.id),
      input: row.input,
      request: this.#granted.job.request as Readonly<Record<string, Json>>,
      budget,
      deadlineAt: null,
      signal: this.#signal,
      origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: { job: this.#hold.job } },
    };
  }

  /** A row that was broken off by us is no failure of its own; nor is one that no provider answered, as long as it answers nobody. */
  #failedWith(row: WorkRow, error: unknown, spent: NanoUsd | null): void {
    if (this.#signal.aborted || isOutage(error)) this.#book(spent);
    if (this.#signal.aborted) this.#isStopped = true;
    else if (!(error instanceof SmallfirstError)) throw error;
    else if (isOutage(error)) this.#out.push({ row, error });
    else this.#fail(row, error, spent);
  }

  /** What a row spent that has no result: it is spent all the same. */
  #book(spent: NanoUsd | null): void {
    this.#unbooked = addUsd(this.#unbooked, spent ?? ZERO_USD);
  }

  #fail(row: WorkRow, { code, message }: SmallfirstError, spent: NanoUsd | null): void {
    this.#add(row, errorLine(row, code, message), { isError: true, escalated: false, spent, retry: true });
  }

  #add(row: WorkRow, line: string, how: Omit<RowResult, 'ordinal' | 'line' | 'retryRow'> & { readonly retry: boolean }): void {
    const { retry, ...rest } = how;
    this.#pending.push({ ordinal: row.ordinal, line, ...rest, retryRow: retry ? row : null });
    this.#callOff ??= this.#deps.after(KEEP_MS, () => {
      this.#callOff = null;
      // What goes wrong is thrown by the next flush, which the cell's end waits for.
      this.#flush().catch(() => {});
    });
  }

  /** Keeps what is ready, one transaction after the other; the last one ends the cell. */
  #flush(isLast = false): Promise<void> {
    this.#keeping = this.#keeping.then(async () => {
      const results = this.#pending;
      const alsoSpent = this.#unbooked;
      if (results.length === 0 && alsoSpent === ZERO_USD && !isLast) return;
      this.#pending = [];
      this.#unbooked = ZERO_USD;
      const { store, insist, clock } = this.#deps;
      const news = { results, alsoSpent, endedAt: isLast ? clock.now() : null };
      const state: WorkState = await insist(() => store.keep(this.#hold, news));
      if (state === 'cancelled') this.halt();
      else if (state !== 'running') this.stop();
    });
    return this.#keeping;
  }
}

/** A row's failure as a line of the side file. */
export function errorLine({ id, line }: Pick<WorkRow, 'id' | 'line'>, code: string, message: string): string {
  return JSON.stringify({ id, line, error: { code, message } });
}
