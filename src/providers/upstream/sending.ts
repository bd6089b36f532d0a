import type { Clock, EpochMs } from '../../core/index.ts';
import { Alternatives } from './alternatives.ts';
import { Attempt, type AttemptOwner, type Refusal } from './attempt.ts';
import { mayTryAgain, transportError } from './failures.ts';
import type { AnswerHeaders } from './headers.ts';
import type { Waiter } from './limiter.ts';
import type { RetryBudget } from './retry-budget.ts';
import { type BackoffOptions, backoffMs, judge, retryAfterMs } from './retry-rules.ts';
import type { LiveTarget } from './target.ts';
import { type AnswerSink, type AttemptReport, type Exchange, UpstreamError, type UpstreamRequest } from './types.ts';

/** What the requests of one model share. */
export interface Route {
  /** The model itself, then its fallbacks. */
  readonly targets: readonly LiveTarget[];
  readonly retries: number;
  readonly hedgeMs: number | null;
  readonly budget: RetryBudget;
  readonly backoff: BackoffOptions;
  readonly maxWaitMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onAttempt: ((report: AttemptReport) => void) | null;
}

/** How long a limited key rests where the answer does not say; a key without quota rests longer. */
const COOL_MS = 5_000;
const QUOTA_COOL_MS = 60_000;

/** The last thing that went wrong: what the client gets when nothing else can be tried. */
type LastFailure =
  | { readonly kind: 'refusal'; readonly attempt: Attempt; readonly refusal: Refusal }
  | { readonly kind: 'error'; readonly attempt: Attempt; readonly error: UpstreamError };

/** One request on its way: attempts until the first byte, then one answer that is passed on. */
export class Sending implements Exchange, AttemptOwner, Waiter {
  readonly #route: Route;
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  readonly #alternatives: Alternatives;
  readonly #inFlight = new Set<Attempt>();
  #retriesLeft: number;
  #attempts = 0;
  #answer: Attempt | null = null;
  #last: LastFailure | null = null;
  #isOver = false;
  #isHedged = false;
  #queuedFor: LiveTarget | null = null;
  #deadline: NodeJS.Timeout | null = null;
  #wait: NodeJS.Timeout | null = null;
  #hedge: NodeJS.Timeout | null = null;

  constructor(route: Route, request: UpstreamRequest, sink: AnswerSink) {
    this.#route = route;
    this.#request = request;
    this.#sink = sink;
    this.#alternatives = new Alternatives(route.targets, request);
    this.#retriesLeft = request.clientRetry ? 0 : route.retries;
  }

  start(): void {
    const { signal, deadlineAt, clientRetry } = this.#request;
    if (!clientRetry) this.#route.budget.earn();
    if (signal?.aborted) {
      this.#fail(new UpstreamError('ABORTED', 'The caller went away.'));
      return;
    }
    signal?.addEventListener('abort', this.#onSignal);
    if (deadlineAt !== null && !this.#startDeadline(deadlineAt)) return;
    const first = this.#alternatives.first(this.monotonic());
    if (first === null) {
      this.#fail(this.#unwritten());
      return;
    }
    this.#enter(first);
    if (this.#route.hedgeMs !== null && !this.#isOver && this.#answer === null) {
      this.#hedge = setTimeout(() => this.#startHedge(), this.#route.hedgeMs);
    }
  }

  #unwritten(): UpstreamError {
    const cause = this.#alternatives.writeError;
    return cause === null
      ? new UpstreamError('INTERNAL', 'No target of this model takes requests of this protocol.')
      : new UpstreamError('INTERNAL', 'The request could not be written for its target.', { cause });
  }

  abort(): void {
    if (this.#isOver) return;
    this.#close();
    for (const attempt of this.#inFlight) attempt.cancel();
    this.#inFlight.clear();
  }

  resume(): void {
    this.#answer?.resume();
  }

  monotonic(): number {
    return this.#route.clock.monotonic();
  }

  /** A slot of the target that this request waited for is ours. */
  enter(): void {
    const target = this.#queuedFor;
    this.#queuedFor = null;
    if (target) this.#attempt(target);
  }

  onAnswer(attempt: Attempt, status: number, headers: AnswerHeaders): boolean {
    if (status >= 300 && status < 400) {
      this.#inFlight.delete(attempt);
      attempt.cancel();
      this.#report(attempt, status, 'failed');
      this.#failed(
        {
          kind: 'error',
          attempt,
          error: new UpstreamError(
            'UPSTREAM_INVALID',
            `The upstream of ${attempt.target.info.name} answered with a redirect, which is never followed.`,
          ),
        },
        null,
      );
      return false;
    }
    this.#win(attempt);
    this.#report(attempt, status, 'answered');
    this.#tellHead(attempt, status, headers);
    return !this.#isOver;
  }

  onData(chunk: Buffer): boolean {
    return this.#isOver ? true : this.#sink.onData(chunk);
  }

  onEnd(attempt: Attempt): void {
    this.#inFlight.delete(attempt);
    if (this.#isOver) return;
    this.#close();
    this.#sink.onEnd();
  }

  onRefusal(attempt: Attempt, refusal: Refusal): void {
    this.#inFlight.delete(attempt);
    if (this.#isOver) return;
    const { status, headers } = refusal;
    const after = this.#afterMs(headers);
    const verdict = judge(status, refusal.body.toString('utf8'), headers.shouldRetry);
    if (status === 429) {
      const restMs = verdict.quota ? Math.max(after ?? 0, QUOTA_COOL_MS) : (after ?? COOL_MS);
      attempt.target.keys.cool(attempt.key, this.monotonic() + restMs);
    }
    this.#report(attempt, status, 'failed');
    // A spent quota is never tried again, but another provider may still serve the request.
    this.#failed({ kind: 'refusal', attempt, refusal }, verdict.retry ? { afterMs: after, isLimit: status === 429 } : null);
  }

  onFailure(attempt: Attempt, cause: Error, begun: boolean): void {
    this.#inFlight.delete(attempt);
    if (this.#isOver) return;
    const error = transportError(attempt.target.info.name, cause, begun);
    if (begun) {
      this.#fail(error);
      return;
    }
    this.#report(attempt, null, 'failed');
    this.#failed({ kind: 'error', attempt, error }, mayTryAgain(cause) ? { afterMs: null, isLimit: false } : null);
  }

  // --- attempting ---------------------------------------------------------------------------------------------------------------

  /** Takes a slot of the target, or gets in line for one. A full line sends the request to the next target, or back. */
  #enter(target: LiveTarget): void {
    if (target.limiter === null || target.limiter.tryEnter()) {
      this.#attempt(target);
      return;
    }
    if (target.limiter.queue(this)) {
      this.#queuedFor = target;
      return;
    }
    this.#alternatives.skip(target);
    const other = this.#alternatives.untried(this.monotonic());
    if (other) this.#enter(other);
    else if (this.#inFlight.size > 0) return;
    else if (this.#last) this.#giveUp(this.#last);
    else
      this.#fail(
        new UpstreamError('UPSTREAM_BUSY', `Too many requests are under way or in line for ${target.info.name}.`, { retryAfterMs: 1000 }),
      );
  }

  #attempt(target: LiveTarget): void {
    const call = this.#alternatives.callFor(target);
    if (this.#isOver || call === null) {
      target.limiter?.leave();
      return;
    }
    this.#attempts += 1;
    const attempt = new Attempt(this, target, this.#alternatives.takeKey(target, this.monotonic()));
    this.#inFlight.add(attempt);
    attempt.start(this.#request.method, this.#request.query, call);
  }

  #startHedge(): void {
    this.#hedge = null;
    const [current] = this.#inFlight;
    if (this.#isOver || this.#answer !== null || this.#isHedged || current === undefined || !this.#alternatives.canRepeat(current.target))
      return;
    const target = this.#alternatives.untried(this.monotonic()) ?? current.target;
    if (target.limiter !== null && !target.limiter.tryEnter()) return;
    if (!this.#route.budget.spend(this.monotonic())) {
      target.limiter?.leave();
      return;
    }
    this.#isHedged = true;
    this.#attempt(target);
  }

  // --- deciding after a failure -------------------------------------------------------------------------------------------------

  /** `again` says how another try of the same target could help; null when it cannot. */
  #failed(failure: LastFailure, again: { readonly afterMs: number | null; readonly isLimit: boolean } | null): void {
    this.#last = failure;
    const { target } = failure.attempt;
    // Another attempt is on its way: what it brings decides.
    if (this.#inFlight.size > 0 || this.#queuedFor !== null) return;
    if (!this.#alternatives.canRepeat(target)) {
      this.#giveUp(failure);
      return;
    }
    const now = this.monotonic();
    if (again?.isLimit && this.#alternatives.hasOtherKey(target, now) && this.#mayRetry(now)) {
      this.#enter(target);
      return;
    }
    const other = this.#alternatives.untried(now);
    if (other) {
      this.#enter(other);
      return;
    }
    if (again === null) {
      this.#giveUp(failure);
      return;
    }
    this.#retryLater(failure, again.afterMs, now);
  }

  #mayRetry(now: number): boolean {
    if (this.#retriesLeft <= 0 || !this.#route.budget.spend(now)) return false;
    this.#retriesLeft -= 1;
    return true;
  }

  #retryLater(failure: LastFailure, afterMs: number | null, now: number): void {
    const { backoff, maxWaitMs, retries, random, clock } = this.#route;
    const waitMs = afterMs ?? backoffMs(retries - this.#retriesLeft, random(), backoff);
    const { deadlineAt } = this.#request;
    const isTooLong = waitMs > maxWaitMs || (deadlineAt !== null && clock.now() + waitMs >= deadlineAt);
    if (this.#retriesLeft <= 0 || isTooLong || !this.#mayRetry(now)) {
      this.#giveUp(failure);
      return;
    }
    this.#wait = setTimeout(() => {
      this.#wait = null;
      this.#enter(this.#alternatives.available(this.monotonic()) ?? failure.attempt.target);
    }, waitMs);
  }

  /** Nothing else can be tried: the client gets what the last upstream said, in its own words. */
  #giveUp(failure: LastFailure): void {
    if (failure.kind === 'error') {
      this.#fail(failure.error);
      return;
    }
    const { attempt, refusal } = failure;
    this.#win(attempt);
    this.#tellHead(attempt, refusal.status, refusal.headers);
    if (this.#isOver) return;
    if (refusal.body.length > 0) this.#sink.onData(refusal.body);
    this.#close();
    this.#sink.onEnd();
  }

  // --- ending -------------------------------------------------------------------------------------------------------------------

  #win(attempt: Attempt): void {
    this.#answer = attempt;
    this.#stopTimers();
    for (const other of this.#inFlight) {
      if (other === attempt) continue;
      this.#inFlight.delete(other);
      other.cancel();
      this.#report(other, null, 'abandoned');
    }
  }

  #afterMs(headers: AnswerHeaders): number | null {
    return retryAfterMs(headers.retryAfterMs, headers.retryAfter, this.#route.clock.now());
  }

  #tellHead(attempt: Attempt, status: number, headers: AnswerHeaders): void {
    this.#sink.onHead({
      status,
      headers: headers.forward,
      contentType: headers.contentType,
      contentEncoding: headers.contentEncoding,
      retryAfterMs: status < 400 ? null : this.#afterMs(headers),
      target: attempt.target.info,
      attempts: this.#attempts,
    });
  }

  #fail(error: UpstreamError): void {
    if (this.#isOver) return;
    this.#close();
    for (const attempt of this.#inFlight) attempt.cancel();
    this.#inFlight.clear();
    this.#sink.onError(error);
  }

  #close(): void {
    this.#isOver = true;
    this.#stopTimers();
    this.#request.signal?.removeEventListener('abort', this.#onSignal);
    this.#queuedFor?.limiter?.forget(this);
    this.#queuedFor = null;
  }

  #stopTimers(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    if (this.#wait !== null) clearTimeout(this.#wait);
    if (this.#hedge !== null) clearTimeout(this.#hedge);
    this.#deadline = null;
    this.#wait = null;
    this.#hedge = null;
  }

  #startDeadline(deadlineAt: EpochMs): boolean {
    const leftMs = deadlineAt - this.#route.clock.now();
    if (leftMs <= 0) {
      this.#pastDeadline();
      return false;
    }
    // Long ones in whole seconds: timers of equal length share one list. Above 2^31 ms a timer would fire at once.
    const ms = leftMs < 10_000 ? leftMs : Math.min(Math.ceil(leftMs / 1000) * 1000, 2_147_483_000);
    this.#deadline = setTimeout(() => this.#pastDeadline(), ms);
    return true;
  }

  #pastDeadline(): void {
    this.#fail(new UpstreamError('DEADLINE_EXCEEDED', 'The deadline passed before an answer began.'));
  }

  readonly #onSignal = (): void => this.#fail(new UpstreamError('ABORTED', 'The caller went away.'));

  #report(attempt: Attempt, status: number | null, outcome: AttemptReport['outcome']): void {
    this.#route.onAttempt?.({ target: attempt.target.info, status, outcome, ms: this.monotonic() - attempt.startedAt });
  }
}
