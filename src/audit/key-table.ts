/** Texts numbered in order of arrival, by 64 bits of hash: 20 bytes each, however long they are. Two of 10⁶ are mistaken for one with P < 10⁻⁷. */
export class KeyTable {
  #high = new Int32Array(1024);
  #low = new Int32Array(1024);
  /** Number + 1, so that 0 is empty. */
  #numbers = new Int32Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number of a text, or -1 where it was never added. */
  find(text: string): number {
    const [high, low] = hash(text);
    return (this.#numbers[this.#slot(high, low)] ?? 0) - 1;
  }

  /** Adds a text; says its number and whether it is new. */
  add(text: string): { readonly number: number; readonly isNew: boolean } {
    const [high, low] = hash(text);
    const slot = this.#slot(high, low);
    const known = this.#numbers[slot] ?? 0;
    if (known > 0) return { number: known - 1, isNew: false };
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#size += 1;
    this.#numbers[slot] = this.#size;
    if (this.#size * 2 > this.#numbers.length) this.#grow();
    return { number: this.#size - 1, isNew: true };
  }

  #slot(high: number, low: number): number {
    const mask = this.#numbers.length - 1;
    let slot = (low ^ (high >>> 7)) & mask;
    while ((this.#numbers[slot] ?? 0) > 0 && (this.#high[slot] !== high || this.#low[slot] !== low)) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [highs, lows, numbers] = [this.#high, this.#low, this.#numbers];
    const length = numbers.length * 2;
    this.#high = new Int32Array(length);
    this.#low = new Int32Array(length);
    this.#numbers = new Int32Array(length);
    for (let index = 0; index < numbers.length; index++) {
      const number = numbers[index] ?? 0;
      if (number === 0) continue;
      const [high, low] = [highs[index] ?? 0, lows[index] ?? 0];
      const slot = this.#slot(high, low);
      this.#high[slot] = high;
      this.#low[slot] = low;
      this.#numbers[slot] = number;
    }
  }
}

/** Two multiplicative hashes over the code units, mixed at the end (the finaliser of MurmurHash3). */
function hash(text: string): readonly [number, number] {
  let a = 0x9747b28c;
  let b = 0x3c6ef372;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
    b = (b << 13) | (b >>> 19);
  }
  return [mixed(a ^ Math.imul(text.length, 0x27d4eb2f)), mixed(b + a)];
}

function mixed(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
