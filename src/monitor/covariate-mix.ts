import { type KolmogorovSmirnov, kolmogorovSmirnov } from './kolmogorov-smirnov.ts';
import { binOf, equalMassCuts, psi } from './population-stability.ts';

/** How many of the latest values are compared, at least and at most. */
export interface MixWindow {
  readonly size: number;
  readonly least: number;
}

/** Expected PSI of two samples of one population that bins may cause: a quarter of the warning limit. */
const NOISE = 0.05;
const MOST_NUMBER_BINS = 10;

/** So many bins that chance alone gives a PSI of .05 on average, which is (bins − 1)·(1/n + 1/m). */
function affordableBins(reference: number, window: MixWindow): number {
  return Math.max(2, Math.floor(1 + NOISE / (1 / reference + 1 / window.least)));
}

/** Bin counts of a reference and of the latest values, kept as they come. */
class BinnedWindow {
  readonly #reference: readonly number[];
  readonly #counts: number[];
  readonly #bins: number[] = [];
  readonly #size: number;
  #next = 0;

  constructor(reference: readonly number[], size: number) {
    this.#reference = reference;
    this.#counts = reference.map(() => 0);
    this.#size = size;
  }

  /** Gives the place of the ring that it took. */
  add(bin: number): number {
    const place = this.#next;
    const left = this.#bins[place];
    if (left !== undefined) this.#counts[left]! -= 1;
    this.#bins[place] = bin;
    this.#counts[bin]! += 1;
    this.#next = (place + 1) % this.#size;
    return place;
  }

  get length(): number {
    return this.#bins.length;
  }

  get psi(): number {
    return psi(this.#reference, this.#counts);
  }
}

/** The distribution of a number: bins of equal mass in the reference, and the values themselves for the Kolmogorov–Smirnov test. */
export class NumberMix {
  readonly #sorted: Float64Array;
  readonly #cuts: readonly number[];
  readonly #window: BinnedWindow;
  readonly #latest: number[] = [];

  constructor(reference: readonly number[], window: MixWindow) {
    this.#sorted = Float64Array.from(reference).sort();
    this.#cuts = equalMassCuts(this.#sorted, Math.min(MOST_NUMBER_BINS, affordableBins(reference.length, window)));
    const counts = new Array<number>(this.#cuts.length + 1).fill(0);
    for (const value of reference) counts[binOf(this.#cuts, value)]! += 1;
    this.#window = new BinnedWindow(counts, window.size);
  }

  add(value: number | string): void {
    if (typeof value !== 'number') return;
    this.#latest[this.#window.add(binOf(this.#cuts, value))] = value;
  }

  get size(): number {
    return this.#window.length;
  }

  get psi(): number {
    return this.#window.psi;
  }

  get ks(): KolmogorovSmirnov {
    return kolmogorovSmirnov(this.#sorted, Float64Array.from(this.#latest).sort());
  }
}

/** The mix of categories: the commonest of the reference each by itself, all others together. */
export class CategoryMix {
  readonly #bins = new Map<string, number>();
  readonly #window: BinnedWindow;

  constructor(reference: readonly string[], window: MixWindow) {
    const counts = new Map<string, number>();
    for (const category of reference) counts.set(category, (counts.get(category) ?? 0) + 1);
    const commonest = [...counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
    const own = commonest.slice(0, affordableBins(reference.length, window) - 1);
    for (const [category] of own) this.#bins.set(category, this.#bins.size);
    const ofOwn = own.map(([, count]) => count);
    this.#window = new BinnedWindow([...ofOwn, reference.length - ofOwn.reduce((sum, count) => sum + count, 0)], window.size);
  }

  add(value: number | string): void {
    this.#window.add(this.#bins.get(String(value)) ?? this.#bins.size);
  }

  get size(): number {
    return this.#window.length;
  }

  get psi(): number {
    return this.#window.psi;
  }
}
