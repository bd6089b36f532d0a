import type { PairCounts } from '../src/certify/index.ts';
import { binomialPmf, type Random } from '../src/statistics/index.ts';

/** A binary population at the boundary of a floor: frontier's quality, gain rate, and the loss rate that makes E[Z] = 0. */
export interface Population {
  readonly quality: number;
  readonly gain: number;
  readonly loss: number;
}

/** The population whose true ratio equals the floor; null when its loss rate would exceed the frontier's quality. */
export function boundaryPopulation(floor: number, quality: number, gain: number): Population | null {
  const loss = (1 - floor) * quality + gain;
  return loss <= quality && gain <= 1 - quality + 1e-12 ? { quality, gain, loss } : null;
}

/** A source of counts over n pairs. How often the frontier is right comes from a table, the rare losses and gains from short walks. */
export function countsOf(random: Random, n: number, population: Population): () => PairCounts {
  const { quality, gain, loss } = population;
  const cumulative = new Float64Array(n + 1);
  let sum = 0;
  for (let k = 0; k <= n; k += 1) {
    sum += binomialPmf(k, n, quality);
    cumulative[k] = sum;
  }
  return () => {
    const right = firstAtLeast(cumulative, random.next() * sum);
    const lost = binomialDraw(random, right, loss / quality);
    const gained = quality < 1 ? binomialDraw(random, n - right, Math.min(1, gain / (1 - quality))) : 0;
    return { n, kept: right - lost, lost, gained };
  };
}

/** Index of the first of the rising values that is at least `value`. */
function firstAtLeast(rising: Float64Array, value: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle]! >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** One binomial draw by walking the distribution function from 0; quick where n·min(p, 1−p) is small. */
function binomialDraw(random: Random, n: number, p: number): number {
  if (p > 0.5) return n - binomialDraw(random, n, 1 - p);
  if (p <= 0 || n === 0) return 0;
  const odds = p / (1 - p);
  let term = (1 - p) ** n;
  let left = random.next();
  let k = 0;
  while (left > term && k < n) {
    left -= term;
    k += 1;
    term *= (odds * (n - k + 1)) / k;
  }
  return k;
}
