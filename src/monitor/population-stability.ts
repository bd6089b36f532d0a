/** PSI above which a mix counts as changed, by the custom of credit scoring (Siddiqi 2006): below .1 is stable, .1 to .2 is watched. */
export const PSI_WARNING = 0.2;

/** Least share of a bin: an empty one would make the index infinite on a single row. */
const LEAST_SHARE = 1e-4;

/**
 * Population stability index Σ (a − e)·ln(a/e) over shares of the same bins: 0 for equal mixes, symmetric, no upper end. Between two samples
 * of n and m rows of one population its expectation is about (bins − 1)·(1/n + 1/m). NaN where a side is empty.
 */
export function psi(expected: readonly number[], actual: readonly number[]): number {
  if (expected.length !== actual.length) throw new RangeError('PSI compares the same bins');
  const expectedTotal = expected.reduce((sum, count) => sum + count, 0);
  const actualTotal = actual.reduce((sum, count) => sum + count, 0);
  if (expectedTotal === 0 || actualTotal === 0) return Number.NaN;
  let index = 0;
  for (let i = 0; i < expected.length; i += 1) {
    const e = Math.max(LEAST_SHARE, expected[i]! / expectedTotal);
    const a = Math.max(LEAST_SHARE, actual[i]! / actualTotal);
    index += (a - e) * Math.log(a / e);
  }
  return index;
}

/** Cuts between bins of equal mass of a sorted sample, without repeats: values that are often equal share a bin. */
export function equalMassCuts(sorted: ArrayLike<number>, bins: number): number[] {
  const cuts: number[] = [];
  for (let bin = 1; bin < bins; bin += 1) {
    const cut = sorted[Math.floor((bin * sorted.length) / bins)];
    if (cut !== undefined && cut > sorted[0]! && cut !== cuts.at(-1)) cuts.push(cut);
  }
  return cuts;
}

/** The bin of a value: how many cuts are not above it. */
export function binOf(cuts: readonly number[], value: number): number {
  let low = 0;
  let high = cuts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (cuts[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
