/**
 * What is under way, in places that are used again. A Set would do the same and cost more: V8 replaces its table every few changes, and
 * an old table that was moved out of the nursery keeps everything alive that was ever in a later one.
 */
export class Slots<T extends object> {
  readonly #items: (T | null)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Takes a place and returns its number. */
  add(item: T): number {
    const slot = this.#free.pop();
    if (slot === undefined) return this.#items.push(item) - 1;
    this.#items[slot] = item;
    return slot;
  }

  /** Gives a place back. Once only. */
  free(slot: number): void {
    this.#items[slot] = null;
    this.#free.push(slot);
  }

  each(visit: (item: T) => void): void {
    for (const item of this.#items) if (item !== null) visit(item);
  }
}
