import { quantileSorted, seededRandom } from '../../statistics/index.ts';

/** A uniform sample of a stream of numbers, with their exact count and sum. The same stream gives the same sample. */
export class Sample {
  readonly #size: number;
  readonly #values: number[] = [];
  readonly #random = seededRandom(1);
  n = 0;
  sum = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Takes the next number of the stream. */
  add(value: number): void {
    this.n += 1;
    this.sum += value;
    if (this.#values.length < this.#size) this.#values.push(value);
    else {
      const place = Math.floor(this.#random.next() * this.n);
      if (place < this.#size) this.#values[place] = value;
    }
  }

  /** The mean of all numbers, not of the sample; null for none. */
  get mean(): number | null {
    return this.n === 0 ? null : this.sum / this.n;
  }

  /** The numbers of the sample, in no order. */
  get values(): readonly number[] {
    return this.#values;
  }

  /** The least and the most of the sample; infinite for none. */
  get least(): number {
    return this.#values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }

  get most(): number {
    return this.#values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  }

  /** A quantile of the sample; null for none. */
  quantile(q: number): number | null {
    return this.#values.length === 0 ? null : quantileSorted(Float64Array.from(this.#values).sort(), q);
  }

  /** Takes over another sample of the same kind, by the counts of both. */
  merge(other: Sample): void {
    const own = this.n;
    const all = own + other.n;
    for (const value of other.#values) {
      if (this.#values.length < this.#size) this.#values.push(value);
      else if (this.#random.next() < other.n / all) this.#values[Math.floor(this.#random.next() * this.#size)] = value;
    }
    this.n = all;
    this.sum += other.sum;
  }
}
