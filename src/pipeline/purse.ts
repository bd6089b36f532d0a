import { type NanoUsd, ZERO_USD } from '../core/index.ts';

/**
 * Money of a run that several steps share. What runs side by side gets parts of its own, so that together they cannot spend more than
 * there is; what a part leaves comes back. Null is no limit. A spending that is not known (an unpriced call) takes all that was granted.
 */
export class Purse {
  #left: NanoUsd | null;

  constructor(left: NanoUsd | null) {
    this.#left = left;
  }

  /** What may be spent next, within a limit of its own; null is no limit. */
  grant(limit: NanoUsd | null): NanoUsd | null {
    if (this.#left === null) return limit;
    return limit === null ? this.#left : (Math.min(limit, this.#left) as NanoUsd);
  }

  spend(cost: NanoUsd | null, granted: NanoUsd | null): void {
    if (this.#left === null) return;
    this.#left = Math.max(0, this.#left - (cost ?? granted ?? this.#left)) as NanoUsd;
  }

  /** One of so many equal parts of what is left. Give it back when it is done. */
  take(parts: number): Purse {
    if (this.#left === null) return new Purse(null);
    const part = Math.floor(this.#left / parts) as NanoUsd;
    this.#left = (this.#left - part) as NanoUsd;
    return new Purse(part);
  }

  /** So much of what is left, or all of it. Give it back when it is done. */
  aside(amount: NanoUsd): Purse {
    if (this.#left === null) return new Purse(null);
    const part = Math.min(amount, this.#left) as NanoUsd;
    this.#left = (this.#left - part) as NanoUsd;
    return new Purse(part);
  }

  /** Equal parts for what runs side by side; give each back when it is done. */
  split(parts: number): readonly Purse[] {
    return Array.from({ length: parts }, (_, i) => this.take(parts - i));
  }

  /** Takes back what a part has left. */
  join(part: Purse): void {
    if (this.#left === null || part.#left === null) return;
    this.#left = (this.#left + part.#left) as NanoUsd;
    part.#left = ZERO_USD;
  }
}
