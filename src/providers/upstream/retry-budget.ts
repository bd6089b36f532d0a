/** How many retries a stream of requests may cause. */
export interface RetryBudgetOptions {
  /** Retries earned by each request that is new demand. */
  readonly ratio: number;
  /** Retries that can always be saved up, so that little traffic can retry too; also what the budget starts with. */
  readonly floor: number;
  /** How fast an empty budget is filled up to the floor, a second. */
  readonly perSecond: number;
  /** The most that can be saved up. */
  readonly cap: number;
}

export const DEFAULT_RETRY_BUDGET: RetryBudgetOptions = { ratio: 0.2, floor: 10, perSecond: 1, cap: 100 };

/**
 * A token bucket: requests put in a fraction of a retry, each retry takes one out. When an upstream is down, the load on it grows by
 * the ratio and not by a factor. Over any time, retries ≤ floor + ratio × requests + perSecond × seconds.
 */
export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  #tokens: number;
  #at: number;

  constructor(options: RetryBudgetOptions, now: number) {
    this.#options = options;
    this.#tokens = options.floor;
    this.#at = now;
  }

  /** A request that is new demand. A client's own retry is none, and earns nothing. */
  earn(): void {
    this.#tokens = Math.min(this.#options.cap, this.#tokens + this.#options.ratio);
  }

  /** Takes one retry out of the budget; false when there is none left. `now` in milliseconds of a clock that never goes back. */
  spend(now: number): boolean {
    const { floor, perSecond } = this.#options;
    if (this.#tokens < floor) this.#tokens = Math.min(floor, this.#tokens + (Math.max(0, now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
