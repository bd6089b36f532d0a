import {
  type Answer,
  AnswerCollector,
  type Clock,
  type EpochMs,
  type ModelEvent,
  type ModelRequest,
  type Output,
  SmallfirstError,
} from '../core/index.ts';
import type { ModelClient } from '../providers/types.ts';

/** One call with its bounds. */
export interface ModelCall {
  readonly client: ModelClient;
  readonly request: ModelRequest;
  readonly itemId: string | null;
  readonly input: string | null;
  readonly signal: AbortSignal | null;
  readonly deadlineAt: EpochMs | null;
  /** What the answer must be. */
  readonly output: Output;
  /** Hears the events as they come; null when nobody does. */
  readonly watcher: CallWatcher | null;
}

/** What becomes of a call after an event: it goes on, or it is broken off. */
export type Heard = 'go' | 'stop';

/** Hears a call's events while it runs. A promise is waited for: that is how a slow reader holds the model back. */
export interface CallWatcher {
  hear(event: ModelEvent): Heard | Promise<Heard>;
  /** The answer has begun to go out, so that the deadline (for its beginning) is met. */
  readonly begun: boolean;
}

/** Where a call is: it has never gone out, it waits to go out again after a failure, or it is out. */
export type Reach = 'unsent' | 'waiting' | 'out';

/** How a call went. Whatever was received is in `answer`, also when it failed. */
export interface CallEnd {
  readonly answer: Answer;
  /** Null when the call ended by itself, with an `end` event. */
  readonly error: SmallfirstError | null;
  /** Every event that arrived, in order. */
  readonly events: readonly ModelEvent[];
  /** The watcher broke it off. */
  readonly abandoned: boolean;
  /** True when any event arrived: from then on the provider has charged something. */
  readonly started: boolean;
  /** Where it was at its end. */
  readonly reach: Reach;
  readonly latencyMs: number;
  readonly firstTokenMs: number | null;
}

/** Where time comes from for a call. */
export interface CallDeps {
  readonly clock: Clock;
  readonly after: (ms: number, run: () => void) => () => void;
}

/**
 * Makes one call and collects its events. Never throws: an abort, a passed deadline and a failing provider are its `error`
 * (ABORTED, DEADLINE_EXCEEDED, the provider's own). It ends on abort or deadline even where the client does not listen, and closes
 * the client's events in every case.
 */
export async function callModel(call: ModelCall, deps: CallDeps): Promise<CallEnd> {
  const startedAt = deps.clock.monotonic();
  const collector = new AnswerCollector();
  const bounds = new Bounds(call, deps);
  let started = false;
  let firstTokenMs: number | null = null;
  let error: SmallfirstError | null = null;
  let abandoned = false;
  let reach: Reach = 'unsent';
  let wasOut = false;
  const held = (isHeld: boolean): void => {
    wasOut ||= !isHeld;
    reach = isHeld ? (wasOut ? 'waiting' : 'unsent') : 'out';
  };
  const heard: ModelEvent[] = [];
  const { watcher } = call;
  let events: AsyncIterator<ModelEvent> | null = null;
  try {
    bounds.check();
    const { itemId, input, deadlineAt, output } = call;
    reach = 'out';
    events = call.client.call(call.request, { itemId, input, deadlineAt, output, signal: bounds.signal, held })[Symbol.asyncIterator]();
    for (;;) {
      const next = await bounds.race(events.next());
      if (next.done) {
        events = null;
        break;
      }
      started = true;
      if (firstTokenMs === null && isAnswer(next.value)) firstTokenMs = deps.clock.monotonic() - startedAt;
      collector.add(next.value);
      heard.push(next.value);
      if (watcher === null) continue;
      const verdict = watcher.hear(next.value);
      if ((typeof verdict === 'string' ? verdict : await bounds.race(verdict)) === 'stop') {
        abandoned = true;
        bounds.breakOff();
        break;
      }
      if (watcher.begun) bounds.liftDeadline();
    }
  } catch (cause) {
    error = bounds.passed ?? failureOf(cause);
  } finally {
    bounds.release();
    // Not awaited: a client that hangs must not hold up what comes after it.
    if (events) void Promise.resolve(events.return?.()).catch(() => undefined);
  }
  const answer = collector.answer();
  if (error === null && !abandoned && answer.stop === 'cut')
    error = new SmallfirstError('UPSTREAM_FAILED', 'the answer broke off before its end');
  return { answer, error, events: heard, abandoned, started, reach, latencyMs: deps.clock.monotonic() - startedAt, firstTokenMs };
}

function isAnswer(event: ModelEvent): boolean {
  return event.type !== 'start' && event.type !== 'end';
}

function failureOf(cause: unknown): SmallfirstError {
  if (cause instanceof SmallfirstError) return cause;
  return new SmallfirstError('INTERNAL', 'the provider adapter failed in a way that it should not', { cause });
}

/** The caller's signal and the deadline as one: whichever comes first ends what is being waited for. */
class Bounds {
  /** Null where nothing but the caller ends the call: its own signal will do, and a controller for each of a million calls is dear. */
  readonly #controller: AbortController | null;
  readonly #caller: AbortSignal | null;
  readonly #clock: Clock;
  readonly #deadlineAt: EpochMs | null;
  #cancelTimer: (() => void) | null;
  #interrupt: ((error: SmallfirstError) => void) | null = null;
  /** The bound that was passed, null while none is. */
  passed: SmallfirstError | null = null;

  constructor(call: ModelCall, deps: CallDeps) {
    this.#caller = call.signal;
    this.#controller = call.deadlineAt === null && call.watcher === null ? null : new AbortController();
    this.#clock = deps.clock;
    this.#deadlineAt = call.deadlineAt;
    this.#caller?.addEventListener('abort', this.#onAbort);
    this.#cancelTimer =
      call.deadlineAt === null ? null : deps.after(Math.max(0, call.deadlineAt - deps.clock.now()), () => this.#pass(deadlinePassed()));
  }

  get signal(): AbortSignal | null {
    return this.#controller === null ? this.#caller : this.#controller.signal;
  }

  /** Throws when a bound is already passed. */
  check(): void {
    if (this.#caller?.aborted) this.#onAbort();
    if (this.#deadlineAt !== null && this.#clock.now() >= this.#deadlineAt) this.#pass(deadlinePassed());
    if (this.passed) throw this.passed;
  }

  /** Waits for a promise or for a bound. The promise's own failure is heard in both cases. */
  race<Value>(promise: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      promise.then(resolve, reject);
      if (this.passed) reject(this.passed);
    });
  }

  /** The deadline no longer applies. */
  liftDeadline(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Tells the client of the model that nobody wants the rest. */
  breakOff(): void {
    this.#controller?.abort(new SmallfirstError('ABORTED', 'the rest of the answer is not needed'));
  }

  release(): void {
    this.#caller?.removeEventListener('abort', this.#onAbort);
    this.#cancelTimer?.();
    this.#interrupt = null;
  }

  readonly #onAbort = (): void => this.#pass(new SmallfirstError('ABORTED', 'the caller went away'));

  #pass(error: SmallfirstError): void {
    if (this.passed) return;
    this.passed = error;
    this.#controller?.abort(error);
    this.#interrupt?.(error);
  }
}

function deadlinePassed(): SmallfirstError {
  return new SmallfirstError('DEADLINE_EXCEEDED', 'the deadline passed before the answer was complete');
}
