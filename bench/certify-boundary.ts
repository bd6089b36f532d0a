import { errorBudget, scoreTest } from '../src/certify/index.ts';
import { binomialCdf, binomialPmf } from '../src/statistics/index.ts';

/**
 * The score test as a decision rule: for so many pairs that the frontier got right and so many gains, the most losses that still pass.
 * Rows where both were wrong do not matter. Kept per floor and level, so that a count is decided once and drawn often.
 */
export class Boundary {
  readonly #floor: number;
  readonly #level: number;
  readonly #most = new Map<number, number>();
  readonly #delta = new Map<number, number>();

  constructor(floor: number, level: number) {
    this.#floor = floor;
    this.#level = level;
  }

  passes(counts: { readonly kept: number; readonly lost: number; readonly gained: number }): boolean {
    return counts.lost <= this.mostLosses(counts.kept + counts.lost, counts.gained);
  }

  /** −1 when not even a lossless sample passes. */
  mostLosses(right: number, gained: number): number {
    const key = right * 100_000 + gained;
    const known = this.#most.get(key);
    if (known !== undefined) return known;
    // A neighbour's answer is at most a step or two away.
    const near = this.#most.get(key - 100_000) ?? this.#most.get(key + 100_000) ?? this.#most.get(key - 1);
    let most = Math.min(right, near ?? Math.floor((1 - this.#floor) * right));
    while (most >= 0 && !this.#passesAt(right, most, gained)) most -= 1;
    while (most < right && this.#passesAt(right, most + 1, gained)) most += 1;
    this.#most.set(key, most);
    return most;
  }

  #passesAt(right: number, lost: number, gained: number): boolean {
    const p = scoreTest({ n: right + gained, kept: right - lost, lost, gained }, this.#floor);
    return p <= this.#deltaAt(right);
  }

  #deltaAt(right: number): number {
    let delta = this.#delta.get(right);
    if (delta === undefined) {
      delta = errorBudget({ floor: this.#floor, level: this.#level, requested: 'score', used: 'score', look: null, bigRight: right });
      this.#delta.set(right, delta);
    }
    return delta;
  }

  /** Chance to pass at the boundary without gains, given how many pairs the frontier got right. Exact. */
  exactGiven(right: number): number {
    const most = this.mostLosses(right, 0);
    return most < 0 ? 0 : binomialCdf(most, right, 1 - this.#floor);
  }
}

/** Type-I error at the boundary without gains, by enumeration over how many of n pairs the frontier got right. */
export function exactError(given: (right: number) => number, n: number, quality: number): number {
  if (quality === 1) return given(n);
  let error = 0;
  for (let right = 0; right <= n; right += 1) {
    const chance = binomialPmf(right, n, quality);
    if (chance > 1e-14) error += chance * given(right);
  }
  return error;
}

/** Whether Wald's test passes: the usual standard error of Z, which is 0 where nothing varied. For comparison only. */
export function waldPasses(
  counts: { readonly n: number; readonly kept: number; readonly lost: number; readonly gained: number },
  floor: number,
  z: number,
): boolean {
  const { n, kept, lost, gained } = counts;
  const mean = (-floor * lost + (1 - floor) * kept + gained) / n;
  const variance = (floor ** 2 * lost + (1 - floor) ** 2 * kept + gained) / n - mean ** 2;
  return mean > z * Math.sqrt(Math.max(0, variance) / n);
}
