import { hash as digest } from 'node:crypto';
import {
  addUsd,
  type Call,
  contentHash,
  type Json,
  type Model,
  type ModelEvent,
  type ModelRequest,
  type NanoUsd,
  SmallfirstError,
  ZERO_USD,
} from '../core/index.ts';
import type { StepAsk } from '../pipeline/index.ts';
import type { CallContext, ModelClient } from '../providers/index.ts';
import { insist } from './insist.ts';
import type { Journal } from './journal.ts';
import type { Pacer } from './pacer.ts';

/** What keeping calls needs of a job. */
export interface KeptCallsDeps {
  /** Of the whole job: what it asks is the same question after a restart. */
  readonly jobId: string;
  readonly journal: Journal;
  /** Who holds back the calls to a model; null where the model answers in this process. */
  readonly pacer: (model: Model) => Pacer | null;
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => () => void;
}

/** A row that is under way. */
interface Running {
  readonly ordinal: number;
  /** Of calls that were made since it was last asked for; null when one is unpriced. */
  spent: NanoUsd | null;
}

/**
 * The calls of a job: each is in the journal before it is made and its answer before anything is made of it, so that a job that was
 * killed asks nothing twice whose answer had arrived. What was under way is asked again with the idempotency key of the first time.
 * Models in this process are asked straight: asking them again costs nothing and gives the same.
 */
export class KeptCalls {
  readonly #deps: KeptCallsDeps;
  /** By the run that a row is. */
  readonly #rows = new Map<string, Running>();
  /** Where an ask is more than its place: the keys of a controller's calls, and answers that were there already; by model. */
  readonly #keys = new WeakMap<StepAsk, Map<string, string>>();
  readonly #old = new WeakMap<StepAsk, Set<string>>();
  #reused = 0;

  constructor(deps: KeptCallsDeps) {
    this.#deps = deps;
  }

  /** Answers that were used again: an earlier run's, and of a row that was begun again because its share of the money was too small. */
  get reused(): number {
    return this.#reused;
  }

  /** The id of a row's run: the same after a restart. */
  begin(ordinal: number): string {
    const id = rowRunId(this.#deps.jobId, ordinal);
    this.#rows.set(id, { ordinal, spent: ZERO_USD });
    return id;
  }

  end(runId: string): void {
    this.#rows.delete(runId);
  }

  /** What a row has spent since this was last asked: calls that were made, not answers that were there already. Null when one is unpriced. */
  takeSpent(runId: string): NanoUsd | null {
    const row = this.#rows.get(runId);
    if (row === undefined) return ZERO_USD;
    const { spent } = row;
    row.spent = ZERO_USD;
    return spent;
  }

  client(ask: StepAsk, model: Model, client: ModelClient): ModelClient {
    const pacer = this.#deps.pacer(model);
    if (pacer === null && ask.step.controller === null) return client;
    return {
      ...(client.version === undefined ? {} : { version: client.version }),
      call: (request, context) => {
        const key = this.#keyOf(ask, model, request);
        return pacer === null ? client.call(request, context) : this.#kept({ ask, model, client, pacer, key }, request, context);
      },
    };
  }

  /**
   * A row under the id that its call was made with, so that one that is recorded again after a restart is counted once. A call that failed
   * keeps its own: when it is made again it is another one, which must not be taken for what is recorded already.
   */
  row(ask: StepAsk, row: Call): Call {
    const running = this.#rows.get(ask.run.id);
    if (running !== undefined && this.#old.get(ask)?.has(row.model) !== true) {
      running.spent = running.spent === null || row.cost === null ? null : addUsd(running.spent, row.cost);
    }
    const { jobId, journal } = this.#deps;
    const key = this.#keys.get(ask)?.get(row.model) ?? keyOfCall(ask, row.model, null);
    if (row.error !== null && journal.answerOf(running?.ordinal ?? 0, key) === null) return row;
    return { ...row, id: stableId(jobId, key) };
  }

  #keyOf(ask: StepAsk, model: Model, request: ModelRequest): string {
    const key = keyOfCall(ask, model.name, request);
    if (ask.step.controller === null) return key;
    let keys = this.#keys.get(ask);
    if (keys === undefined) {
      keys = new Map();
      this.#keys.set(ask, keys);
    }
    keys.set(model.name, key);
    return key;
  }

  async *#kept({ ask, model, client, pacer, key }: KeptCall, request: ModelRequest, context: CallContext): AsyncGenerator<ModelEvent> {
    const { journal, jobId, now, after } = this.#deps;
    const ordinal = this.#rows.get(ask.run.id)?.ordinal ?? 0;
    const before = journal.answerOf(ordinal, key);
    if (before !== null) {
      this.#reused += 1;
      this.#old.set(ask, (this.#old.get(ask) ?? new Set<string>()).add(model.name));
      yield* before;
      return;
    }
    const idempotencyKey = stableId(jobId, key);
    const events = await insist({ pacer, signal: context.signal, held: context.held, now, after }, () => {
      // Only now it is under way: a call that waits for its place is at no risk.
      journal.begun(ordinal, key);
      return wholeAnswer(client.call(request, { ...context, idempotencyKey }));
    });
    journal.answered(ordinal, key, events);
    yield* events;
  }
}

interface KeptCall {
  readonly ask: StepAsk;
  readonly model: Model;
  readonly client: ModelClient;
  readonly pacer: Pacer;
  readonly key: string;
}

/** What a job knows a call by, whatever was asked; null for the request of a call that only its place tells. */
export function keyOfCall({ run, step, index }: StepAsk, model: string, request: ModelRequest | null): string {
  const place = `${run.id}/${step.name}/${index ?? ''}/${model}`;
  if (step.controller === null || request === null) return place;
  // A controller asks one model many times in a step: what it asks tells the calls apart. How long an answer may be is a matter of money.
  const { maxTokens: _, ...said } = request;
  return `${place}/${contentHash(said as unknown as Json).slice(0, 16)}`;
}

/** All events of an answer. Throws UPSTREAM_FAILED for one that broke off. */
export async function wholeAnswer(events: AsyncIterable<ModelEvent>): Promise<readonly ModelEvent[]> {
  const found: ModelEvent[] = [];
  for await (const event of events) found.push(event);
  // What broke off is no answer: it is asked for again like any other failure.
  const end = found.at(-1);
  if (end?.type !== 'end' || end.stop === 'cut') throw new SmallfirstError('UPSTREAM_FAILED', 'The answer broke off before its end.');
  return found;
}

/** The id of a row's run: the job's own (UUID version 7) with the row's place in it instead of the last random bits. */
export function rowRunId(jobId: string, ordinal: number): string {
  return jobId.slice(0, 24) + ordinal.toString(16).padStart(12, '0');
}

/** An id that follows from a job's own (UUID version 7) and a place in it: the time of the job, and a hash in place of the random bits. */
export function stableId(jobId: string, place: string): string {
  const hash = digest('sha1', `${jobId}\0${place}`, 'hex');
  const variant = ((Number.parseInt(hash.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return `${jobId.slice(0, 14)}7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
}
