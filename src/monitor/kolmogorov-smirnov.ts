/** D: the largest distance between two empirical distribution functions; p: the probability of such a distance within one population. */
export interface KolmogorovSmirnov {
  readonly distance: number;
  readonly p: number;
}

/**
 * Two-sample Kolmogorov–Smirnov test of samples sorted ascending. p by the limit distribution with Stephens' correction for finite samples
 * (1970); conservative where values are equal. NaN for an empty sample.
 */
export function kolmogorovSmirnov(a: ArrayLike<number>, b: ArrayLike<number>): KolmogorovSmirnov {
  if (a.length === 0 || b.length === 0) return { distance: Number.NaN, p: Number.NaN };
  let i = 0;
  let j = 0;
  let distance = 0;
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i]! <= value) i += 1;
    while (j < b.length && b[j]! <= value) j += 1;
    distance = Math.max(distance, Math.abs(i / a.length - j / b.length));
  }
  const root = Math.sqrt((a.length * b.length) / (a.length + b.length));
  return { distance, p: kolmogorovTail((root + 0.12 + 0.11 / root) * distance) };
}

/** P(K > x) of Kolmogorov's distribution: 2·Σ (−1)^(k−1)·exp(−2k²x²), or its theta-transformed series where that one converges slowly. */
function kolmogorovTail(x: number): number {
  if (x <= 0) return 1;
  let sum = 0;
  if (x < 1.18) {
    for (let k = 1; k <= 9; k += 2) sum += Math.exp((-(k * k) * Math.PI * Math.PI) / (8 * x * x));
    return Math.min(1, Math.max(0, 1 - (Math.sqrt(2 * Math.PI) / x) * sum));
  }
  for (let k = 1; k <= 8; k += 1) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * k * k * x * x);
  return Math.min(1, Math.max(0, sum));
}
