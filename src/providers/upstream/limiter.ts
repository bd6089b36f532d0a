/** Somebody who waits for a slot. */
export interface Waiter {
  /** The slot is theirs now; they must leave it. */
  enter(): void;
}

/** At most so many at once, so many more in line, everybody else is turned away. First come, first served. */
export class Limiter {
  readonly #limit: number;
  readonly #queueLimit: number;
  readonly #queue = new Set<Waiter>();
  #inside = 0;

  constructor(limit: number, queueLimit: number) {
    this.#limit = limit;
    this.#queueLimit = queueLimit;
  }

  get inside(): number {
    return this.#inside;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Takes a slot if one is free. Whoever takes one must leave it. */
  tryEnter(): boolean {
    if (this.#inside >= this.#limit) return false;
    this.#inside += 1;
    return true;
  }

  /** Gets in line; false when the line is full. */
  queue(waiter: Waiter): boolean {
    if (this.#queue.size >= this.#queueLimit) return false;
    this.#queue.add(waiter);
    return true;
  }

  /** Leaves the line without having been served. */
  forget(waiter: Waiter): void {
    this.#queue.delete(waiter);
  }

  /** Gives a slot back; the first in line gets it. */
  leave(): void {
    for (const next of this.#queue) {
      this.#queue.delete(next);
      next.enter();
      return;
    }
    this.#inside -= 1;
  }
}
