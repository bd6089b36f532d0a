import type { Pair } from '../core/index.ts';
import type { GradedUnits } from './types.ts';

/** A threshold of the grid and how many rows it accepts. Rows are sorted, so these are the first ones. */
export interface Cut {
  readonly threshold: number;
  readonly rows: number;
}

/** Pairs as columns, in the order in which a falling threshold accepts them; rows without confidence come last. */
export interface Evidence {
  readonly small: Float64Array;
  readonly big: Float64Array;
  /** Unit of each row, counted from 0, and rows per unit; null when every row is a unit of its own. */
  readonly unitOf: Int32Array | null;
  readonly unitSizes: Int32Array | null;
  /** Independent units. */
  readonly n: number;
  /** True when some quality is neither 0 nor 1. */
  readonly graded: boolean;
  /** Rows that no point accepts: sent to the frontier before the call; and, where other rows have a confidence, those without one. */
  readonly skipped: number;
  readonly silent: number;
  /** True when the only point is to accept every row that is not skipped, because no row has a confidence. */
  readonly unranked: boolean;
  /** Safest first. */
  readonly cuts: readonly Cut[];
}

/** Longest fixed sequence. More points cost no error, but nobody can tell neighbours apart. */
export const GRID_POINTS = 40;

/** Sorts pairs into columns and cuts them at the given thresholds, else at quantiles of their confidences: qualities are not looked at. */
export function gatherEvidence(pairs: readonly Pair[], grid?: readonly number[]): Evidence {
  const order = sortedByConfidence(pairs);
  const small = new Float64Array(pairs.length);
  const big = new Float64Array(pairs.length);
  const confidences: number[] = [];
  let graded = false;
  let skipped = 0;
  for (let i = 0; i < order.length; i += 1) {
    const pair = pairs[order[i]!]!;
    small[i] = pair.small.quality;
    big[i] = pair.big.quality;
    graded ||= !isBinary(pair.small.quality) || !isBinary(pair.big.quality);
    if (pair.skip) skipped += 1;
    else if (pair.small.confidence !== undefined) confidences.push(pair.small.confidence);
  }
  const asked = pairs.length - skipped;
  const cuts = grid ? cutsAt(grid, confidences) : gridOf(confidences, asked);
  const unranked = confidences.length === 0 && !grid;
  const silent = unranked ? 0 : asked - confidences.length;
  return { small, big, ...unitsOf(pairs, order), graded, skipped, silent, unranked, cuts };
}

/** True for 0 and 1. */
export function isBinary(quality: number): boolean {
  return quality === 0 || quality === 1;
}

/** Row numbers by falling confidence, skipped ones last. Ties are broken by quality, so that sums do not depend on the order of the file. */
function sortedByConfidence(pairs: readonly Pair[]): Int32Array {
  const confidenceOf = (row: number) => (pairs[row]!.skip ? -2 : (pairs[row]!.small.confidence ?? -1));
  return Int32Array.from({ length: pairs.length }, (_, row) => row).sort(
    (a, b) =>
      confidenceOf(b) - confidenceOf(a) ||
      pairs[b]!.big.quality - pairs[a]!.big.quality ||
      pairs[b]!.small.quality - pairs[a]!.small.quality,
  );
}

/** At most 40 distinct quantiles of the confidences, falling to their minimum; the single point 0, which accepts `rows`, when there are none. */
function gridOf(falling: readonly number[], rows: number): Cut[] {
  if (falling.length === 0) return [{ threshold: 0, rows }];
  const cuts: Cut[] = [];
  for (let point = 1; point <= GRID_POINTS; point += 1) {
    const threshold = falling[Math.ceil((point * falling.length) / GRID_POINTS) - 1]!;
    if (cuts.at(-1)?.threshold === threshold) continue;
    cuts.push({ threshold, rows: countAtLeast(falling, threshold) });
  }
  return cuts;
}

/** A grid that was fixed elsewhere, safest first. */
function cutsAt(grid: readonly number[], falling: readonly number[]): Cut[] {
  return [...new Set(grid)].sort((a, b) => b - a).map((threshold) => ({ threshold, rows: countAtLeast(falling, threshold) }));
}

/** How many of the values, sorted falling, are at least `threshold`. */
function countAtLeast(falling: readonly number[], threshold: number): number {
  let low = 0;
  let high = falling.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (falling[middle]! >= threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Numbers the clusters; a row without one is a cluster of its own, and clusters of one row each are no clusters at all. */
export function unitsOf(pairs: readonly Pick<Pair, 'cluster'>[], order: Int32Array): Pick<Evidence, 'unitOf' | 'unitSizes' | 'n'> {
  const numbers = new Map<string, number>();
  const unitOf = new Int32Array(order.length);
  const sizes = new Int32Array(order.length);
  let n = 0;
  for (let i = 0; i < order.length; i += 1) {
    const { cluster } = pairs[order[i]!]!;
    let unit = cluster === undefined ? undefined : numbers.get(cluster);
    if (unit === undefined) {
      unit = n;
      n += 1;
      if (cluster !== undefined) numbers.set(cluster, unit);
    }
    unitOf[i] = unit;
    sizes[unit]! += 1;
  }
  if (n === order.length) return { unitOf: null, unitSizes: null, n };
  return { unitOf, unitSizes: sizes.slice(0, n), n };
}

/** What rows add up to at one cut. */
export interface RowTotals {
  /** Rows where the policy is as good as the frontier and the frontier is above 0; worse; better. */
  readonly kept: number;
  readonly lost: number;
  readonly gained: number;
  readonly policyQuality: number;
  readonly bigQuality: number;
}

/** Totals at every cut, in one pass over the rows. */
export function totalsPerCut(evidence: Evidence): RowTotals[] {
  const { small, big } = evidence;
  // Quality of the frontier over the rows from i on: what escalation keeps. Summed from the end so that each is a plain sum.
  const tail = new Float64Array(big.length + 1);
  let kept = 0;
  for (let i = big.length - 1; i >= 0; i -= 1) {
    tail[i] = tail[i + 1]! + big[i]!;
    if (big[i]! > 0) kept += 1;
  }
  let lost = 0;
  let gained = 0;
  let acceptedQuality = 0;
  let row = 0;
  return evidence.cuts.map((cut) => {
    for (; row < cut.rows; row += 1) {
      const s = small[row]!;
      const b = big[row]!;
      acceptedQuality += s;
      if (s < b) lost += 1;
      if (s > b) gained += 1;
      if (s !== b && b > 0) kept -= 1;
    }
    return { kept, lost, gained, policyQuality: acceptedQuality + tail[row]!, bigQuality: tail[0]! };
  });
}

/** Policy's and frontier's quality per unit at one cut: summed over a cluster's rows, or averaged. */
export function unitsAt(evidence: Evidence, cut: Cut, per: 'sum' | 'mean'): GradedUnits {
  const { small, big, unitOf, unitSizes, n } = evidence;
  const policy = new Float64Array(n);
  if (!unitOf || !unitSizes) {
    policy.set(small.subarray(0, cut.rows));
    policy.set(big.subarray(cut.rows), cut.rows);
    return { policy, big, scale: 1 };
  }
  const unitBig = new Float64Array(n);
  let largest = 1;
  for (let i = 0; i < big.length; i += 1) {
    const unit = unitOf[i]!;
    const share = per === 'mean' ? 1 / unitSizes[unit]! : 1;
    policy[unit]! += (i < cut.rows ? small[i]! : big[i]!) * share;
    unitBig[unit]! += big[i]! * share;
    largest = Math.max(largest, unitSizes[unit]!);
  }
  return { policy, big: unitBig, scale: per === 'mean' ? 1 : largest };
}
