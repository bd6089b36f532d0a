import { betaQuantile, binomialCdf } from '../statistics/index.ts';

/** Binary harm among independent units (pairs or clusters). */
export interface HarmCounts {
  readonly n: number;
  /** Units where an accepted small answer was wrong and the frontier right (in a cluster: any of them). */
  readonly harmed: number;
  /** Units where an accepted small answer was right and the frontier wrong (in a cluster: any of them). */
  readonly gained: number;
  /** Units where the frontier was right (in a cluster: in every row, so that its share is a lower bound of the frontier's quality). */
  readonly bigRight: number;
}

/** Share of δ that bounds the harm; the rest bounds the frontier's quality. */
const HARM_SHARE = 0.9;

/** Lower Clopper-Pearson bound of a proportion with error `error`. */
function lowerBound(k: number, n: number, error: number): number {
  return k <= 0 ? 0 : betaQuantile(error, k, n - k + 1);
}

/** Upper Clopper-Pearson bound of a proportion with error `error`. */
function upperBound(k: number, n: number, error: number): number {
  return k >= n ? 1 : betaQuantile(1 - error, k + 1, n - k);
}

/** True iff U(harm) ≤ (1 − ρ)·L(frontier right) at δ: exact for any n, ignores gains. */
function harmPasses(counts: HarmCounts, floor: number, delta: number): boolean {
  const limit = (1 - floor) * lowerBound(counts.bigRight, counts.n, (1 - HARM_SHARE) * delta);
  // U ≤ limit, asked of the binomial distribution itself, which is cheaper and keeps its accuracy.
  return limit > 0 && binomialCdf(counts.harmed, counts.n, limit) <= HARM_SHARE * delta;
}

/** Exact p-value of "harm exceeds 1 − floor of the frontier's quality": the smallest δ at which `harmPasses`; 1 when none does. */
export function harmTest(counts: HarmCounts, floor: number): number {
  if (!harmPasses(counts, floor, 1)) return 1;
  let low = Math.log(1e-300);
  let high = 0;
  if (harmPasses(counts, floor, Math.exp(low))) return Math.exp(low);
  while (high - low > 1e-12 * Math.max(1, -high)) {
    const middle = (low + high) / 2;
    if (harmPasses(counts, floor, Math.exp(middle))) high = middle;
    else low = middle;
  }
  return Math.exp(high);
}

/** The largest floor that passes at δ: 1 − U(harm)/L(frontier right), at least 0. */
export function harmLowerBound(counts: HarmCounts, delta: number): number {
  const right = lowerBound(counts.bigRight, counts.n, (1 - HARM_SHARE) * delta);
  if (right === 0) return 0;
  return Math.max(0, 1 - upperBound(counts.harmed, counts.n, HARM_SHARE * delta) / right);
}

/**
 * Upper bound of the quality that pairs retain, with error δ shared by three exact bounds: harm from below, gains and the frontier's
 * quality from above. Gains count here, so that a floor is called missed only when it is. Infinity when harm may be below the gains.
 * Not for clusters: any harm in a cluster is no lower bound of its mean harm.
 */
export function harmUpperBound(counts: HarmCounts, delta: number): number {
  const half = (HARM_SHARE / 2) * delta;
  const net = lowerBound(counts.harmed, counts.n, half) - upperBound(counts.gained, counts.n, half);
  if (net <= 0) return Number.POSITIVE_INFINITY;
  return 1 - net / upperBound(counts.bigRight, counts.n, (1 - HARM_SHARE) * delta);
}
