import { createHash } from 'node:crypto';
import { type Call, contentHash, type Json, type Model, type ModelEvent, type ModelRequest, SmallfirstError } from '../core/index.ts';
import type { StepAsk } from '../pipeline/index.ts';
import type { CallContext, ModelClient } from '../providers/index.ts';
import type { Journal } from './journal.ts';
import type { Pacer } from './pacer.ts';

/** What keeping calls needs of a job. */
export interface KeptCallsDeps {
  /** Of the whole job: what it asks is the same question after a restart. */
  readonly jobId: string;
  readonly journal: Journal;
  /** Who holds back the calls to a model; null where the model answers in this process. */
  readonly pacer: (model: Model) => Pacer | null;
  readonly after: (ms: number, run: () => void) => () => void;
}

/** Times that a call is tried in all, where trying again can help. */
const TRIES = 6;
const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 60_000;

/**
 * The calls of a job: each is in the journal before it is made and its answer before anything is made of it, so that a job that was
 * killed asks nothing twice whose answer had arrived. What was under way is asked again with the idempotency key of the first time.
 * Models in this process are asked straight: asking them again costs nothing and gives the same.
 */
export class KeptCalls {
  readonly #deps: KeptCallsDeps;
  /** Rows by the run that they belong to. */
  readonly #rows = new Map<string, number>();
  readonly #ids = new WeakMap<StepAsk, Map<string, string>>();
  #reused = 0;

  constructor(deps: KeptCallsDeps) {
    this.#deps = deps;
  }

  /** Answers of an earlier run that were used again. */
  get reused(): number {
    return this.#reused;
  }

  /** The id of a row's run: the same after a restart. */
  begin(ordinal: number): string {
    const id = stableId(this.#deps.jobId, String(ordinal));
    this.#rows.set(id, ordinal);
    return id;
  }

  end(runId: string): void {
    this.#rows.delete(runId);
  }

  client(ask: StepAsk, model: Model, client: ModelClient): ModelClient {
    const pacer = this.#deps.pacer(model);
    return {
      ...(client.version === undefined ? {} : { version: client.version }),
      call: (request, context) => {
        const key = this.#keyOf(ask, model, pacer === null ? null : request);
        return pacer === null ? client.call(request, context) : this.#kept({ ask, client, pacer, key }, request, context);
      },
    };
  }

  /** A row under the id that its call was made with, so that one that is recorded again after a restart is counted once. */
  row(ask: StepAsk, row: Call): Call {
    const id = this.#ids.get(ask)?.get(row.model);
    return id === undefined ? row : { ...row, id };
  }

  #keyOf(ask: StepAsk, model: Model, request: ModelRequest | null): string {
    const place = `${ask.run.id}/${ask.step.name}/${ask.index ?? ''}/${model.name}`;
    // A controller asks one model many times in a step: what it asks tells the calls apart.
    const isPlan = ask.step.controller !== null && request !== null;
    const key = isPlan ? `${place}/${contentHash(request as unknown as Json).slice(0, 16)}` : place;
    let ids = this.#ids.get(ask);
    if (ids === undefined) {
      ids = new Map();
      this.#ids.set(ask, ids);
    }
    ids.set(model.name, stableId(this.#deps.jobId, key));
    return key;
  }

  async *#kept(
    { ask, client, pacer, key }: { readonly ask: StepAsk; readonly client: ModelClient; readonly pacer: Pacer; readonly key: string },
    request: ModelRequest,
    context: CallContext,
  ): AsyncGenerator<ModelEvent> {
    const { journal, jobId } = this.#deps;
    const ordinal = this.#rows.get(ask.run.id) ?? 0;
    const before = journal.answerOf(ordinal, key);
    if (before !== null) {
      this.#reused += 1;
      yield* before;
      return;
    }
    journal.begun(ordinal, key);
    const idempotencyKey = stableId(jobId, key);
    const events = await this.#insist(pacer, context.signal, () => all(client.call(request, { ...context, idempotencyKey })));
    journal.answered(ordinal, key, events);
    yield* events;
  }

  /** Asks until there is an answer, where trying again can help: a limit that was met is no reason to give a row up. */
  async #insist(pacer: Pacer, signal: AbortSignal | null, ask: () => Promise<readonly ModelEvent[]>): Promise<readonly ModelEvent[]> {
    for (let tries = 1; ; tries += 1) {
      await pacer.enter(signal).catch((cause: unknown) => {
        throw new SmallfirstError('ABORTED', 'the job was stopped', { cause });
      });
      try {
        const events = await ask();
        pacer.leave('answered');
        return events;
      } catch (error) {
        const isLimit = error instanceof SmallfirstError && error.code === 'UPSTREAM_BUSY';
        const retryAfterMs = (error as { readonly retryAfterMs?: number | null }).retryAfterMs ?? null;
        pacer.leave(isLimit ? 'limited' : 'failed', retryAfterMs);
        if (!(error instanceof SmallfirstError) || !error.row.retry || error.code === 'DEADLINE_EXCEEDED' || tries === TRIES) throw error;
        await this.#wait(Math.max(retryAfterMs ?? 0, Math.min(LAST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1))), signal);
      }
    }
  }

  #wait(ms: number, signal: AbortSignal | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        callOff();
        reject(new SmallfirstError('ABORTED', 'the job was stopped'));
      };
      const callOff = this.#deps.after(ms, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

async function all(events: AsyncIterable<ModelEvent>): Promise<readonly ModelEvent[]> {
  const found: ModelEvent[] = [];
  for await (const event of events) found.push(event);
  // What broke off is no answer: it is asked for again like any other failure.
  const end = found.at(-1);
  if (end?.type !== 'end' || end.stop === 'cut') throw new SmallfirstError('UPSTREAM_FAILED', 'The answer broke off before its end.');
  return found;
}

/** An id that follows from a job's own (UUID version 7) and a place in it: the time of the job, and a hash in place of the random bits. */
export function stableId(jobId: string, place: string): string {
  const hash = createHash('sha1').update(`${jobId}\0${place}`).digest('hex');
  const variant = ((Number.parseInt(hash.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return `${jobId.slice(0, 14)}7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
}
