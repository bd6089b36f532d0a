/** Numbers hashes as they come: open addressing with linear probing. A hash is never 0. */
export class HashIndex {
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

  /** The number of the hash, or −1 when it is not known. */
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

  /** The number of the hash; a new one gets the next. */
  intern(hash: number): number {
    const known = this.find(hash);
    if (known >= 0) return known;
    if ((this.#size + 1) * 2 > this.#keys.length) this.#grow();
    this.#place(hash, this.#size);
    this.#size += 1;
    return this.#size - 1;
  }

  /** The hashes in the order of their numbers. */
  keys(): Int32Array {
    const ordered = new Int32Array(this.#size);
    for (let slot = 0; slot < this.#keys.length; slot += 1) if (this.#keys[slot] !== 0) ordered[this.#values[slot]!] = this.#keys[slot]!;
    return ordered;
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
