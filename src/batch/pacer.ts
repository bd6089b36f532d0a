/** How the concurrency of one provider key moves. */
export interface PacerOptions {
  readonly start: number;
  readonly most: number;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  /** Runs something later; returns how to call that off. */
  readonly after: (ms: number, run: () => void) => () => void;
}

/** After a limit was met the concurrency is lowered once, however many requests of the same burst meet it too: those that come soon, and those that were under way. */
const BURST_MS = 1_000;
const DOWN = 0.8;
const UP = 1.05;

/**
 * Concurrency of one provider key by additive-increase, multiplicative-decrease as Inspect does it (inspect.aisi.org.uk, adaptive
 * connections): ×0.8 when a limit is met, once per burst; +5 % (at least one) after a round of answers without one. Errors of the
 * server stop the growth of their round and shrink nothing. Retry-After holds back what has not begun.
 */
export class Pacer {
  readonly #options: PacerOptions;
  #limit: number;
  #underWay = 0;
  /** Answers of this round. */
  #answered = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #isCalm = true;
  #loweredAt = Number.NEGATIVE_INFINITY;
  #heldUntil = Number.NEGATIVE_INFINITY;
  #callOff: (() => void) | null = null;
  readonly #line: { readonly go: () => void; readonly signal: AbortSignal | null; readonly onAbort: () => void }[] = [];

  constructor(options: PacerOptions) {
    this.#options = options;
    this.#limit = Math.min(options.start, options.most);
  }

  /** How many may be under way now. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** When somebody got an answer last, on the pacer's clock. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** Waits for a place, and tells when it was got, on the pacer's clock. Rejects with the signal's reason when it is aborted before. */
  async enter(signal: AbortSignal | null): Promise<number> {
    if (this.#mayGo() && this.#line.length === 0) {
      this.#underWay += 1;
      return this.#options.now();
    }
    await new Promise<void>((resolve, reject) => {
      const waiter = {
        go: (): void => {
          signal?.removeEventListener('abort', waiter.onAbort);
          this.#underWay += 1;
          resolve();
        },
        signal,
        onAbort: (): void => {
          this.#line.splice(this.#line.indexOf(waiter), 1);
          reject(signal?.reason as Error);
        },
      };
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      signal?.addEventListener('abort', waiter.onAbort, { once: true });
      this.#line.push(waiter);
      this.#next();
    });
    return this.#options.now();
  }

  /** Gives a place back, with how it went; `enteredAt` is what `enter` told. */
  leave(how: 'answered' | 'limited' | 'failed', retryAfterMs: number | null = null, enteredAt: number | null = null): void {
    this.#underWay -= 1;
    if (how === 'limited') this.limited(retryAfterMs, enteredAt);
    else if (how === 'failed') this.#isCalm = false;
    else this.#grow();
    this.#next();
  }

  /** A limit was met, by this request or by a try of it that went on. */
  limited(retryAfterMs: number | null = null, enteredAt: number | null = null): void {
    const now = this.#options.now();
    this.#isCalm = false;
    if (retryAfterMs !== null) this.#heldUntil = Math.max(this.#heldUntil, now + retryAfterMs);
    if (now - this.#loweredAt < BURST_MS || (enteredAt !== null && enteredAt <= this.#loweredAt)) return;
    this.#loweredAt = now;
    this.#limit = Math.max(1, this.#limit * DOWN);
    this.#answered = 0;
  }

  #grow(): void {
    this.#answered += 1;
    this.#answeredAt = this.#options.now();
    if (this.#answered < this.limit) return;
    if (this.#isCalm) this.#limit = Math.min(this.#options.most, Math.max(this.#limit + 1, this.#limit * UP));
    this.#isCalm = true;
    this.#answered = 0;
  }

  #mayGo(): boolean {
    return this.#underWay < this.limit && this.#options.now() >= this.#heldUntil;
  }

  #next(): void {
    while (this.#line.length > 0 && this.#mayGo()) this.#line.shift()?.go();
    if (this.#line.length === 0 || this.#callOff !== null) return;
    const waitMs = this.#heldUntil - this.#options.now();
    if (waitMs <= 0) return;
    this.#callOff = this.#options.after(waitMs, () => {
      this.#callOff = null;
      this.#next();
    });
  }
}
