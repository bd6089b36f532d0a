/** From a feature's hash to its index: open addressing with linear probing. A hash is never 0. */
export class FeatureTable {
  #keys: Int32Array;
  #values: Int32Array;
  #mask: number;
  #size = 0;

  constructor(expected = 1024) {
    let capacity = 1024;
    while (capacity < expected * 2) capacity *= 2;
    this.#keys = new Int32Array(capacity);
    this.#values = new Int32Array(capacity);
    this.#mask = capacity - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** Index of the feature, or −1 when it is not known. */
  find(hash: number): number {
    const keys = this.#keys;
    const mask = this.#mask;
    let slot = hash & mask;
    for (;;) {
      const key = keys[slot]!;
      if (key === hash) return this.#values[slot]!;
      if (key === 0) return -1;
      slot = (slot + 1) & mask;
    }
  }

  /** Index of the feature; a new one gets the next index. */
  intern(hash: number): number {
    const known = this.find(hash);
    if (known >= 0) return known;
    if ((this.#size + 1) * 2 > this.#keys.length) this.#grow();
    this.#place(hash, this.#size);
    this.#size += 1;
    return this.#size - 1;
  }

  #place(hash: number, value: number): void {
    let slot = hash & this.#mask;
    while (this.#keys[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#keys[slot] = hash;
    this.#values[slot] = value;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Int32Array(keys.length * 2);
    this.#values = new Int32Array(keys.length * 2);
    this.#mask = this.#keys.length - 1;
    for (let slot = 0; slot < keys.length; slot += 1) if (keys[slot] !== 0) this.#place(keys[slot]!, values[slot]!);
  }
}
