import { setMaxListeners } from 'node:events';
import type { PipelineConfig } from '../../config/index.ts';
import { type Json, type Model, type ModelRequest, type NanoUsd, SmallfirstError, toUsd } from '../../core/index.ts';
import { type PipelineWorld, runPipeline } from '../../pipeline/index.ts';
import type { BatchLimits, BatchModel } from '../../providers/index.ts';
import { inBulk } from '../job-purse.ts';
import { RowQueue } from '../row-queue.ts';
import type { InputRow } from '../types.ts';
import type { AnswerBook } from './answer-book.ts';
import type { BatchCalls } from './batch-calls.ts';
import { type DriveDeps, driveBatch } from './drive-batch.ts';
import { Rehearsal } from './rehearsal.ts';
import type { KeptBatch, Rounds, RoundWriter } from './rounds.ts';

/** Where asking in batches stands. */
export interface RoundProgress {
  readonly round: number;
  /** Requests of all rounds so far, and those that have an answer or an error. */
  readonly requests: number;
  readonly answered: number;
  /** Batches that are not over. */
  readonly open: number;
  readonly batches: number;
  readonly spentUsd: number;
}

/** What is to be asked. */
export interface RoundPlan {
  readonly pipeline: PipelineConfig;
  readonly input: string;
  readonly request: Readonly<Record<string, Json>>;
  /** Rows that are looked at together. */
  readonly width: number;
  /** The most that the whole job may spend; null is no limit. */
  readonly maxCost: NanoUsd | null;
  /** Requests that one batch holds at most, where its provider takes more. */
  readonly batchRequests: number;
}

/** What asking in batches needs of the world. */
export interface RoundDeps extends Pick<DriveDeps, 'answers' | 'signal' | 'now' | 'sleep' | 'pollMs'> {
  readonly answers: AnswerBook;
  readonly world: PipelineWorld;
  readonly calls: BatchCalls;
  readonly rounds: Rounds;
  /** Rows that need nothing any more. */
  readonly isFinished: (row: number) => boolean;
  readonly batches: (model: string) => BatchModel | null;
  /** What an answer of a model cost in a batch; null when it is unpriced. */
  readonly priceOf: (model: string, body: unknown) => NanoUsd | null;
  /** The most that a request can cost in a batch; null when its model is unpriced. */
  readonly worstOf: (model: Model, request: ModelRequest) => NanoUsd | null;
  readonly onProgress: (progress: RoundProgress) => void;
}

/** Batches that are sent or fetched at a time; any number may be waited for. */
const LINES = 4;
/** Work in this process gives everything else a turn this often, in milliseconds. */
const TURN_MS = 10;

/**
 * Asks everything that the rows of an input need, a round of batches after the other: the first asks the first models, the next ones
 * whatever the answers make necessary, such as escalations. Returns null when no call is open any more, or the first row that has one and
 * cannot have it within the cap. Rejects with ABORTED, and with what ends a batch; what was sent stays sent, and the same job goes on from it.
 */
export async function askInBatches(plan: RoundPlan, deps: RoundDeps): Promise<number | null> {
  const asking = new Asking(plan, deps);
  for (;;) {
    await asking.drive();
    const found = await asking.collect();
    if (found.written === 0) return found.firstOpen;
  }
}

/** What one look at all rows found. */
interface Found {
  readonly written: number;
  /** The first row, in the order of the input, with a call that has no answer; null for none. */
  readonly firstOpen: number | null;
}

class Asking {
  readonly #plan: RoundPlan;
  readonly #deps: RoundDeps;
  readonly #pipeline: PipelineConfig;

  constructor(plan: RoundPlan, deps: RoundDeps) {
    this.#plan = plan;
    this.#deps = deps;
    this.#pipeline = inBulk(plan.pipeline);
  }

  /** Takes every batch to its end. */
  async drive(): Promise<void> {
    const halt = new AbortController();
    const signal = AbortSignal.any([this.#deps.signal, halt.signal]);
    // Any number of batches waits for it.
    setMaxListeners(0, signal);
    const line = new Line(LINES);
    const open = this.#deps.rounds.batches.filter(({ card }) => card.state !== 'fetched');
    this.#tell();
    const ended = await Promise.allSettled(
      open.map((batch) =>
        this.#driveOne(batch, signal, line).catch((error: unknown) => {
          halt.abort();
          throw error;
        }),
      ),
    );
    const failures = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    // What ended the others is the reason, not that they were ended.
    if (failures.length > 0) throw failures.find((error) => (error as { code?: unknown }).code !== 'ABORTED') ?? failures[0];
  }

  async #driveOne(batch: KeptBatch, signal: AbortSignal, line: Line): Promise<void> {
    const { answers, now, sleep, pollMs } = this.#deps;
    const { model } = batch.card;
    const api = apiOf(this.#deps, model);
    await line.enter();
    let isIn = true;
    try {
      await driveBatch(batch, {
        api: api.api,
        answers,
        signal,
        now,
        pollMs,
        // Whoever waits leaves the line to others.
        sleep: async (ms, until) => {
          line.leave();
          isIn = false;
          await sleep(ms, until);
          await line.enter();
          isIn = true;
        },
        others: () => this.#others(batch),
        priceOf: (body) => this.#deps.priceOf(model, body),
        onChange: () => this.#tell(),
      });
    } finally {
      if (isIn) line.leave();
    }
  }

  #others(batch: KeptBatch): ReadonlySet<string> {
    return new Set(this.#deps.rounds.batches.flatMap((one) => (one === batch || one.card.id === null ? [] : [one.card.id])));
  }

  /** Runs every row as far as its answers go, and writes what they lack as the next round. */
  async collect(): Promise<Found> {
    const { rounds, calls, signal } = this.#deps;
    const writer = rounds.begin();
    const rows = new RowQueue(this.#plan.input);
    const found = { firstOpen: null as number | null };
    calls.rehearse(this.#taker(writer));
    try {
      await Promise.all(Array.from({ length: this.#plan.width }, () => this.#work(rows, found)));
    } finally {
      calls.rehearse(null);
      await rows.close();
    }
    if (signal.aborted) throw new SmallfirstError('ABORTED', 'the job was stopped');
    rounds.finish(writer);
    return { written: writer.requests, firstOpen: found.firstOpen };
  }

  async #work(rows: RowQueue, found: { firstOpen: number | null }): Promise<void> {
    const { signal, isFinished } = this.#deps;
    let turnAt = performance.now();
    while (!signal.aborted) {
      if (performance.now() - turnAt > TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        turnAt = performance.now();
      }
      const row = await rows.next();
      if (row === null) return;
      if (row.problem !== null || isFinished(row.ordinal)) continue;
      if ((await this.#isOpen(row)) && (found.firstOpen === null || row.ordinal < found.firstOpen)) found.firstOpen = row.ordinal;
    }
  }

  async #isOpen(row: InputRow): Promise<boolean> {
    const { calls, world, signal } = this.#deps;
    const rehearsal = new Rehearsal(world);
    const id = calls.begin(row.ordinal);
    try {
      await runPipeline(
        this.#pipeline,
        {
          id,
          itemId: String(row.id),
          input: row.input,
          request: this.#plan.request,
          budget: null,
          deadlineAt: null,
          signal,
          origin: { key: null, team: null, fingerprint: null, bodyHash: null, tags: {} },
        },
        rehearsal.world,
      );
    } catch (error) {
      // A row that fails is told of when it is run in earnest; so is one that only a missing answer makes fail.
      if (!(error instanceof SmallfirstError)) throw error;
    } finally {
      calls.end(id);
    }
    return rehearsal.isParked;
  }

  /** Takes requests down as long as there is money for the worst of them. */
  #taker(writer: RoundWriter): (model: Model, line: Buffer, request: ModelRequest) => boolean {
    const { worstOf } = this.#deps;
    const { maxCost, batchRequests } = this.#plan;
    let left = maxCost === null ? null : maxCost - this.#bound();
    return (model, line, request) => {
      const worst = left === null ? null : worstOf(model, request);
      if (left !== null) {
        if (worst === null || worst > left) {
          // Nothing after it either: rows are asked in their order.
          left = 0;
          return false;
        }
        left -= worst;
      }
      const { limits } = apiOf(this.#deps, model.name).api;
      const most: BatchLimits = { requests: Math.min(limits.requests, batchRequests), bytes: limits.bytes };
      writer.add(model.name, line, worst, most);
      return true;
    };
  }

  /** What the job has spent and may still spend on what it sent, in nano-dollars. */
  #bound(): number {
    return this.#deps.rounds.batches.reduce((sum, { card }) => sum + (card.cost ?? card.worst ?? 0), 0);
  }

  #tell(): void {
    const cards = this.#deps.rounds.batches.map(({ card }) => card);
    this.#deps.onProgress({
      round: this.#deps.rounds.count,
      requests: cards.reduce((sum, { requests }) => sum + requests, 0),
      answered: cards.reduce((sum, { done }) => sum + done, 0),
      open: cards.filter(({ state }) => state !== 'fetched').length,
      batches: cards.length,
      spentUsd: cards.reduce((sum, { cost }) => sum + (cost === null ? 0 : toUsd(cost)), 0),
    });
  }
}

function apiOf({ batches }: Pick<RoundDeps, 'batches'>, model: string): BatchModel {
  const found = batches(model);
  if (found !== null) return found;
  throw new SmallfirstError('MODEL_NOT_FOUND', `The model ${model}, of which a batch was sent, has no batch API any more.`);
}

/** Lets so many in at a time. */
class Line {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
