/** A credential of an upstream; a pool of them shares the load by weight. */
export interface PooledKey {
  /** A secret: never printed, logged or hashed. */
  readonly key: string;
  /** Its share of the load against the other keys'. */
  readonly weight: number;
}

interface Slot {
  readonly weight: number;
  current: number;
  coolUntil: number;
}

/**
 * Chooses among keys: smooth weighted round robin over those that are not cooling down. When all are, the one that is free first:
 * the last key is always tried. Times are milliseconds of one clock that never goes back.
 */
export class KeyPool {
  readonly #slots: Slot[];

  constructor(weights: readonly number[]) {
    this.#slots = weights.map((weight) => ({ weight, current: 0, coolUntil: Number.NEGATIVE_INFINITY }));
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Whether a key that was not tried yet is ready. */
  ready(now: number, tried: ReadonlySet<number> | null = null): boolean {
    return this.#slots.some((slot, index) => slot.coolUntil <= now && tried?.has(index) !== true);
  }

  /** The index of the key to use; -1 only for an empty pool. Keys that this request tried come last. */
  pick(now: number, tried: ReadonlySet<number> | null = null): number {
    if (this.#slots.length <= 1) return this.#slots.length - 1;
    const ready = this.#heaviest(now, tried);
    return ready === -1 ? this.#soonest(tried) : ready;
  }

  /** Takes a key out until a time; a shorter time than it already has changes nothing. */
  cool(index: number, until: number): void {
    const slot = this.#slots[index];
    if (slot) slot.coolUntil = Math.max(slot.coolUntil, until);
  }

  #heaviest(now: number, tried: ReadonlySet<number> | null): number {
    let best = -1;
    let total = 0;
    for (const [index, slot] of this.#slots.entries()) {
      if (slot.coolUntil > now || tried?.has(index) === true) continue;
      slot.current += slot.weight;
      total += slot.weight;
      if (best === -1 || slot.current > (this.#slots[best]?.current ?? 0)) best = index;
    }
    const chosen = this.#slots[best];
    if (chosen) chosen.current -= total;
    return best;
  }

  #soonest(tried: ReadonlySet<number> | null): number {
    let best = 0;
    const rank = (index: number): number => (this.#slots[index]?.coolUntil ?? 0) + (tried?.has(index) === true ? 1e15 : 0);
    for (let index = 1; index < this.#slots.length; index += 1) if (rank(index) < rank(best)) best = index;
    return best;
  }
}
