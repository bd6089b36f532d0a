import { betaQuantile } from './beta.ts';
import { normalQuantile } from './normal.ts';
import { seededRandom } from './random.ts';

/** A two-sided interval. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Exact (conservative) two-sided interval for a proportion of k in n (Clopper and Pearson 1934); 0…1 when n = 0. */
export function clopperPearson(k: number, n: number, level: number): Interval {
  const tail = (1 - level) / 2;
  return {
    low: k <= 0 ? 0 : betaQuantile(tail, k, n - k + 1),
    high: k >= n ? 1 : betaQuantile(1 - tail, k + 1, n - k),
  };
}

/** Wilson's two-sided score interval for a proportion of k in n, for display; 0…1 when n = 0. */
export function wilson(k: number, n: number, level: number): Interval {
  if (n <= 0) return { low: 0, high: 1 };
  const z = normalQuantile(1 - (1 - level) / 2);
  const share = k / n;
  const centre = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return { low: k <= 0 ? 0 : (centre - half) / scale, high: k >= n ? 1 : (centre + half) / scale };
}

/** The value at share q of values sorted ascending, interpolated linearly between neighbours; NaN for none. */
export function quantileSorted(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = Math.min(Math.max(q, 0), 1) * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}

/**
 * Percentile bootstrap: draws n row indices with replacement, so everything measured on a row stays together (paired), and
 * gives the two-sided interval of the statistic. For display only: it covers too little when losses are few.
 * Resamples whose statistic is not a number (a ratio with nothing below the line) are left out; NaN ends when all are.
 */
export function pairedBootstrap(
  n: number,
  statistic: (indices: Int32Array) => number,
  options: { readonly resamples: number; readonly level: number; readonly seed: number },
): Interval {
  const random = seededRandom(options.seed);
  const indices = new Int32Array(n);
  const values: number[] = [];
  for (let resample = 0; resample < options.resamples; resample += 1) {
    for (let i = 0; i < n; i += 1) indices[i] = random.int(n);
    const value = statistic(indices);
    if (!Number.isNaN(value)) values.push(value);
  }
  const sorted = Float64Array.from(values).sort();
  const tail = (1 - options.level) / 2;
  return { low: quantileSorted(sorted, tail), high: quantileSorted(sorted, 1 - tail) };
}
