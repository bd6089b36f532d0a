/** One small number per call, four bytes each; -1 until it is set. */
export class SlotList {
  #slots = new Int32Array(1 << 12);
  #length = 0;

  /** Calls so far. */
  get length(): number {
    return this.#length;
  }

  /** Makes room for the next call and returns its number. */
  push(): number {
    if (this.#length === this.#slots.length) {
      const larger = new Int32Array(this.#slots.length * 2);
      larger.set(this.#slots);
      this.#slots = larger;
    }
    this.#slots[this.#length] = -1;
    this.#length += 1;
    return this.#length - 1;
  }

  set(call: number, slot: number): void {
    this.#slots[call] = slot;
  }

  get(call: number): number {
    return this.#slots[call] ?? -1;
  }
}
