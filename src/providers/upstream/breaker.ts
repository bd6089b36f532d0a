/** When a breaker opens, and for how long. */
export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open the first time; doubled for each trial that fails. */
  readonly cooldownMs: number;
  readonly maxCooldownMs: number;
}

export const DEFAULT_BREAKER: BreakerOptions = { failures: 5, cooldownMs: 5_000, maxCooldownMs: 60_000 };

export type BreakerState = 'closed' | 'open' | 'half-open';

/** How an attempt ended, as a breaker sees it: `neither` for one that was called off. */
export type AttemptOutcome = 'success' | 'failure' | 'neither';

/**
 * A circuit breaker. Closed, it lets everything through; after failures in a row it is open; after a pause it is half-open and lets
 * one trial through, which closes it or opens it for twice as long. It only says what it would rather not do: who has no alternative tries anyway.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #openUntil: number | null = null;
  #cooldownMs: number;
  #isTrying = false;

  constructor(options: BreakerOptions = DEFAULT_BREAKER) {
    this.#options = options;
    this.#cooldownMs = options.cooldownMs;
  }

  state(now: number): BreakerState {
    if (this.#openUntil === null) return 'closed';
    return now < this.#openUntil ? 'open' : 'half-open';
  }

  /** Whether an attempt would be let through now. */
  allows(now: number): boolean {
    const state = this.state(now);
    return state === 'closed' || (state === 'half-open' && !this.#isTrying);
  }

  /** An attempt begins. Says whether it is the trial of a half-open breaker; `end` must be told. */
  begin(now: number): boolean {
    if (this.state(now) !== 'half-open') return false;
    this.#isTrying = true;
    return true;
  }

  end(outcome: AttemptOutcome, now: number, isTrial: boolean): void {
    if (isTrial) this.#isTrying = false;
    if (outcome === 'success') {
      this.#failures = 0;
      this.#openUntil = null;
      this.#cooldownMs = this.#options.cooldownMs;
    } else if (outcome === 'failure') this.#fail(now);
  }

  #fail(now: number): void {
    this.#failures += 1;
    switch (this.state(now)) {
      case 'closed':
        if (this.#failures >= this.#options.failures) this.#openUntil = now + this.#cooldownMs;
        return;
      case 'half-open':
        this.#cooldownMs = Math.min(this.#options.maxCooldownMs, this.#cooldownMs * 2);
        this.#openUntil = now + this.#cooldownMs;
        return;
      case 'open':
        // Attempts that began earlier, or had no alternative: they say nothing new.
        return;
    }
  }
}
