import { hash as digest } from 'node:crypto';
import {
  addUsd,
  type Call,
  type Model,
  type ModelEvent,
  type ModelRequest,
  type NanoUsd,
  SmallfirstError,
  ZERO_USD,
} from '../../core/index.ts';
import type { StepAsk } from '../../pipeline/index.ts';
import type { BatchModel, CallContext, ModelClient } from '../../providers/index.ts';
import { insist } from '../insist.ts';
import { keyOfCall, rowRunId, stableId, wholeAnswer } from '../kept-calls.ts';
import type { Pacer } from '../pacer.ts';
import type { AnswerBook, Kept } from './answer-book.ts';
import { callId } from './drive-batch.ts';

/** What calls in batches need of a job. */
export interface BatchCallsDeps {
  readonly jobId: string;
  readonly answers: AnswerBook;
  /** The batch API that a model is asked through; null where it is asked straight. */
  readonly batches: (model: Model) => BatchModel | null;
  /** Who holds back the calls to a model that is asked straight; null where it answers in this process. */
  readonly pacer: (model: Model) => Pacer | null;
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => () => void;
}

/** Takes a request that has no answer yet; false where there is no money for it. */
export type TakeRequest = (model: Model, line: Buffer, request: ModelRequest) => boolean;

/** A call has no answer yet: its row goes on when it has. */
export class Parked extends SmallfirstError {
  constructor() {
    super('ABORTED', 'the answer comes with a batch');
    this.name = 'Parked';
  }
}

/** Times that a request is sent in all, where sending it again can help. */
const TRIES = 3;

/**
 * The calls of a job whose models are asked in batches. While it rehearses, a call without an answer is taken down as a request and parks
 * its row; afterwards every answer is there. Models without a batch API are asked straight, once: their answers are kept as well.
 */
export class BatchCalls {
  readonly #deps: BatchCallsDeps;
  /** Rows by their runs. */
  readonly #rows = new Map<string, number>();
  readonly #spent = new Map<string, NanoUsd | null>();
  readonly #keys = new WeakMap<StepAsk, Map<string, string>>();
  #take: TakeRequest | null = null;
  /** Their answers came long ago, or are still to come: they count for no hour's cap. */
  readonly isApart = true;
  /** Answers that an earlier run had got are not told from those of this one. */
  readonly reused = 0;

  constructor(deps: BatchCallsDeps) {
    this.#deps = deps;
  }

  /** Runs only find out what is to be asked: nothing of them is recorded. */
  get isRehearsing(): boolean {
    return this.#take !== null;
  }

  /** From now on calls without an answer are given to `take`; null ends it. */
  rehearse(take: TakeRequest | null): void {
    this.#take = take;
  }

  /** The id of a row's run: the same in every round and after a restart. */
  begin(row: number): string {
    const id = rowRunId(this.#deps.jobId, row);
    this.#rows.set(id, row);
    this.#spent.set(id, ZERO_USD);
    return id;
  }

  end(runId: string): void {
    this.#rows.delete(runId);
    this.#spent.delete(runId);
  }

  /** What the calls of a row cost since this was last asked; null when one is unpriced. */
  takeSpent(runId: string): NanoUsd | null {
    const spent = this.#spent.get(runId) ?? null;
    this.#spent.set(runId, ZERO_USD);
    return spent;
  }

  client(ask: StepAsk, model: Model, client: ModelClient): ModelClient {
    const batch = this.#deps.batches(model);
    const pacer = batch === null ? this.#deps.pacer(model) : null;
    if (batch === null && pacer === null && ask.step.controller === null) return client;
    return {
      ...(client.version === undefined ? {} : { version: client.version }),
      call: (request, context) => {
        const key = this.#keyOf(ask, model, request);
        if (batch !== null) {
          return client.call(request, { ...context, instead: (written) => this.#fromBatch({ ask, model, batch, key }, written) });
        }
        return pacer === null ? client.call(request, context) : this.#straight({ ask, client, pacer, key }, request, context);
      },
    };
  }

  /**
   * A row under an id that follows from its call, so that one that is recorded again after a restart is counted once. A call that failed
   * without a word that is kept has its own: it is made again as another one.
   */
  row(ask: StepAsk, row: Call): Call {
    const spent = this.#spent.get(ask.run.id);
    if (spent !== undefined) this.#spent.set(ask.run.id, spent === null || row.cost === null ? null : addUsd(spent, row.cost));
    const key = this.#keys.get(ask)?.get(row.model) ?? keyOfCall(ask, row.model, null);
    return row.error !== null && !this.#isKept(ask, key) ? row : { ...row, id: stableId(this.#deps.jobId, key) };
  }

  #keyOf(ask: StepAsk, model: Model, request: ModelRequest): string {
    const key = keyOfCall(ask, model.name, request);
    const keys = this.#keys.get(ask) ?? new Map<string, string>();
    this.#keys.set(ask, keys.set(model.name, key));
    return key;
  }

  async *#fromBatch(
    { ask, model, batch, key }: { readonly ask: StepAsk; readonly model: Model; readonly batch: BatchModel; readonly key: string },
    request: ModelRequest,
  ): AsyncGenerator<ModelEvent> {
    const { row, id } = this.#placeOf(ask, key);
    const { line, read } = batch.write(id, request);
    const verdict = verdictOf(this.#deps.answers.of(row, id));
    if (verdict === 'open') {
      if (this.#take === null) throw new SmallfirstError('UPSTREAM_FAILED', `No batch has answered ${model.name} for this row.`);
      this.#take(model, Buffer.from(`${JSON.stringify(line)}\n`), request);
      throw new Parked();
    }
    if (verdict.kind === 'error') {
      throw new SmallfirstError(
        verdict.again ? 'UPSTREAM_FAILED' : 'UPSTREAM_REJECTED',
        `The upstream of ${model.name}: ${verdict.message}`,
      );
    }
    yield* verdict.kind === 'events' ? verdict.events : read(verdict.body);
  }

  async *#straight(
    { ask, client, pacer, key }: { readonly ask: StepAsk; readonly client: ModelClient; readonly pacer: Pacer; readonly key: string },
    request: ModelRequest,
    context: CallContext,
  ): AsyncGenerator<ModelEvent> {
    const { answers, jobId, now, after } = this.#deps;
    const { row, id } = this.#placeOf(ask, key);
    const kept = answers.of(row, id).find(({ kind }) => kind === 'events');
    if (kept?.kind === 'events') {
      yield* kept.events;
      return;
    }
    const idempotencyKey = stableId(jobId, key);
    const events = await insist({ pacer, signal: context.signal, held: context.held, now, after }, () =>
      wholeAnswer(client.call(request, { ...context, idempotencyKey })),
    );
    answers.add(row, id, 'straight', { kind: 'events', events });
    yield* events;
  }

  #isKept(ask: StepAsk, key: string): boolean {
    const { row, id } = this.#placeOf(ask, key);
    return this.#deps.answers.of(row, id).length > 0;
  }

  #placeOf(ask: StepAsk, key: string): { readonly row: number; readonly id: string } {
    const row = this.#rows.get(ask.run.id) ?? 0;
    return { row, id: callId(row, digest('sha256', `${this.#deps.jobId}\0${key}`, 'hex').slice(0, 32)) };
  }
}

type Verdict = Exclude<Kept, { kind: 'error' }> | { readonly kind: 'error'; readonly again: boolean; readonly message: string };

/** What a call's answers come to: the first answer, an error that stays one, or nothing yet. */
function verdictOf(kept: readonly Kept[]): Verdict | 'open' {
  const answer = kept.find(({ kind }) => kind !== 'error');
  if (answer !== undefined) return answer;
  const errors = kept.flatMap((one) => (one.kind === 'error' ? [one] : []));
  const last = errors.findLast(({ again }) => !again) ?? errors.at(-1);
  return last === undefined || (last.again && errors.length < TRIES) ? 'open' : last;
}
