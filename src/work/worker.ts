import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Pacer } from '../batch/index.ts';
import type { PipelineConfig } from '../config/index.ts';
import { type Clock, type Model, ZERO_USD } from '../core/index.ts';
import type { PipelineWorld } from '../pipeline/index.ts';
import type { CellGrant, CellHold, WorkStore } from '../store/index.ts';
import { sweepJournals } from './cell-journal.ts';
import { type CellEnd, CellRun, errorLine } from './cell-run.ts';
import { Holds } from './holds.ts';
import { insistOnStore } from './insist.ts';
import { CellQueues, type Delivery, type Handled } from './queue.ts';
import { Slots } from './slots.ts';
import type { WorkCalls } from './work-calls.ts';

/** What a worker needs of the process that it is in. */
export interface WorkerDeps {
  readonly clock: Clock;
  readonly after: (ms: number, run: () => void) => () => void;
  readonly redis: Redis;
  readonly store: WorkStore;
  readonly world: PipelineWorld;
  readonly calls: WorkCalls;
  /** By the hash of their version: cells of other versions are left to others. */
  readonly pipelines: ReadonlyMap<string, PipelineConfig>;
  readonly pacer: (model: Model) => Pacer | null;
  /** Rows of a cell that are under way together. */
  readonly width: (pipeline: PipelineConfig) => number;
  /** Resolves when the record has caught up. */
  readonly settled: () => Promise<void>;
  /** Where journals are kept. */
  readonly folder: string;
  /** Told of what does not stop the worker. */
  readonly warn: (message: string) => void;
}

/** How a worker takes cells. */
export interface WorkerOptions {
  /** Cells that are under way together. */
  readonly cells: number;
  /** A worker that is silent for so long has lost its cells to others. */
  readonly stalledMs: number;
  /** Deliveries that may wait in Redis for each pipeline; everything else waits in PostgreSQL. */
  readonly queued: number;
}

/** What a worker did. */
export interface WorkerSummary {
  readonly cells: number;
  /** Cells that it put back: it was stopped, no provider answered, or the cap was reserved by others. */
  readonly putBack: number;
  readonly uptimeMs: number;
}

/** A cell whose holders vanish so often is given up: something in it ends them. */
const MAX_ATTEMPTS = 6;
/** Parts of the money that is left, one of which a cell reserves when it begins. */
const SHARE = 8;
/** How often the queues are filled up. */
const REFILL_MS = 1_000;
/** How long a cell that no provider answered waits: twice as long each time. */
const OUTAGE_MS = 5_000;

/** A process that takes cells of jobs and brings back their rows, until it is stopped. */
export class WorkerProcess {
  readonly #deps: WorkerDeps;
  readonly #options: WorkerOptions;
  readonly #holds: Holds;
  readonly #runs = new Set<CellRun>();
  readonly #slots = new Map<string, Slots>();
  readonly #halt = new AbortController();
  readonly #startedAt: number;
  #queues: CellQueues | null = null;
  #callOff: (() => void) | null = null;
  #refilling: Promise<void> = Promise.resolve();
  #isStopping = false;
  #trouble = '';
  #cells = 0;
  #putBack = 0;

  constructor(options: WorkerOptions, deps: WorkerDeps) {
    this.#deps = deps;
    this.#options = options;
    this.#holds = new Holds(deps.store, options.stalledMs);
    this.#startedAt = deps.clock.monotonic();
    sweepJournals(deps.folder, deps.clock.now());
  }

  /** Begins to take cells. Throws what opening the queues throws. */
  async start(): Promise<void> {
    const hashes = [...this.#deps.pipelines.keys()];
    const onTrouble = (why: string): void => this.#warnOnce(`Redis: ${why}`);
    this.#queues = await CellQueues.open(this.#deps.redis, hashes, onTrouble);
    await this.#refill();
    this.#queues.consume({
      concurrency: this.#options.cells,
      stalledMs: this.#options.stalledMs,
      onTrouble,
      handle: (delivery) => this.#handle(delivery),
    });
  }

  /** Cells that are under way here. */
  get underWay(): number {
    return this.#runs.size;
  }

  /** Takes no more cells and begins no more rows; resolves when what is under way is kept and everything is let go. */
  async stop(): Promise<WorkerSummary> {
    this.#isStopping = true;
    this.#callOff?.();
    for (const run of this.#runs) run.stop();
    await this.#refilling;
    await this.#queues?.close();
    this.#holds.close();
    await Promise.all([...this.#slots.values()].map((slots) => slots.close()));
    return { cells: this.#cells, putBack: this.#putBack, uptimeMs: this.#deps.clock.monotonic() - this.#startedAt };
  }

  /** Ends calls that are under way, too: their rows are asked again by others. */
  halt(): void {
    this.#halt.abort();
    for (const run of this.#runs) run.halt();
  }

  /** Brings cells that wait into the queue, now and from time to time: a Redis that lost its data gets them back this way. */
  #refill(): Promise<void> {
    const { store } = this.#deps;
    this.#refilling = (this.#queues?.refill(store, this.#options.queued) ?? Promise.resolve())
      .catch((error: unknown) => this.#warnOnce(error instanceof Error ? error.message : String(error)))
      .then(() => {
        if (this.#isStopping) return;
        // Workers that start together do not ask together for ever.
        this.#callOff = this.#deps.after(REFILL_MS * (0.75 + Math.random() / 2), () => void this.#refill());
      });
    return this.#refilling;
  }

  async #handle({ job, cell }: Delivery): Promise<Handled> {
    if (this.#isStopping) return { again: true, afterMs: 0 };
    const hold: CellHold = { job, cell, attempt: randomUUID() };
    const { store } = this.#deps;
    const granted = await this.#insist(() => store.begin(hold, { ms: this.#options.stalledMs, share: SHARE }));
    if (granted.kind === 'nothing') return { again: false };
    if (granted.kind === 'held') return { again: true, afterMs: granted.forMs + 50 };
    const pipeline = [...this.#deps.pipelines.values()].find(({ name }) => name === granted.job.pipeline);
    if (pipeline === undefined) return this.#back(hold, 0, false);
    if (granted.attempts > MAX_ATTEMPTS) return this.#giveUp(hold, granted);
    return this.#run(pipeline, hold, granted);
  }

  async #run(pipeline: PipelineConfig, hold: CellHold, granted: Extract<CellGrant, { kind: 'granted' }>): Promise<Handled> {
    const { clock, store, world, calls, pacer, after, folder, width, settled } = this.#deps;
    const run = new CellRun(pipeline, hold, granted, {
      clock,
      store,
      world,
      calls,
      pacer,
      after,
      folder,
      width,
      settled,
      slots: (job, limit) => this.#slotsOf(job, limit),
      insist: (work) => this.#insist(work),
      signal: this.#halt.signal,
    });
    this.#runs.add(run);
    this.#holds.add(hold, () => run.stop());
    try {
      return await this.#ended(await run.toEnd(), hold, granted.attempts);
    } catch (error) {
      this.#warnOnce(`a cell of ${hold.job} was put back: ${error instanceof Error ? error.message : String(error)}`);
      return this.#back(hold, OUTAGE_MS, true);
    } finally {
      this.#holds.remove(hold);
      this.#runs.delete(run);
    }
  }

  async #ended(end: CellEnd, hold: CellHold, attempts: number): Promise<Handled> {
    const { store } = this.#deps;
    switch (end) {
      case 'done':
        this.#cells += 1;
        return { again: false };
      case 'outage':
        this.#warnOnce(`no provider answered a row of a cell of ${hold.job}; it waits and is tried again`);
        return this.#back(hold, OUTAGE_MS * 2 ** (attempts - 1), true);
      case 'short':
        return this.#back(hold, this.#options.stalledMs / 4, false);
      case 'spent':
        await this.#insist(() => store.release(hold, false));
        await this.#insist(() => store.pause(hold.job, 'max-cost')).catch(() => {
          // Somebody else has stopped it meanwhile.
        });
        return { again: false };
      case 'stopped':
        return this.#back(hold, 0, false);
    }
  }

  /** Lets others have the cell, after a while. */
  async #back(hold: CellHold, afterMs: number, counts: boolean): Promise<Handled> {
    this.#putBack += 1;
    await this.#insist(() => this.#deps.store.release(hold, counts));
    return { again: true, afterMs };
  }

  async #giveUp(hold: CellHold, { rows }: Extract<CellGrant, { kind: 'granted' }>): Promise<Handled> {
    const { store, clock } = this.#deps;
    const why = `given up after ${MAX_ATTEMPTS} tries that came to no end: their workers were killed, or no provider answered`;
    const results = rows.map((row) => ({
      ordinal: row.ordinal,
      line: errorLine(row, 'INTERNAL', why),
      isError: true,
      escalated: false,
      spent: ZERO_USD,
      retryRow: row,
    }));
    await this.#insist(() => store.keep(hold, { results, alsoSpent: ZERO_USD, endedAt: clock.now() }));
    return { again: false };
  }

  #slotsOf(job: string, limit: number): Slots {
    const key = `${job}:${limit}`;
    const found = this.#slots.get(key);
    if (found !== undefined) return found;
    const { redis, clock, after } = this.#deps;
    const made = new Slots(job, limit, { redis, clock, after });
    this.#slots.set(key, made);
    return made;
  }

  #insist<T>(work: () => Promise<T>): Promise<T> {
    return insistOnStore(this.#halt.signal, (why) => this.#warnOnce(why), work);
  }

  /** The same trouble again and again is told of once. */
  #warnOnce(message: string): void {
    if (message === this.#trouble || this.#isStopping) return;
    this.#trouble = message;
    this.#deps.warn(message);
  }
}
