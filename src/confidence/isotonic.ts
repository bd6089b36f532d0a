import { checkFitRows } from './tie-groups.ts';

/** A non-decreasing curve through its knots: straight between them, flat outside. */
export interface IsotonicCalibrator {
  readonly kind: 'isotonic';
  /** [raw value, P(right)], ascending in both; raw values strictly. */
  readonly knots: readonly (readonly [number, number])[];
  /** Rows it was fitted on. */
  readonly n: number;
}

/**
 * The least-squares non-decreasing fit (pool adjacent violators), exact at every fitted value; equal raw values are one point.
 * A block of equal fits is kept as its two ends, and values between two blocks are interpolated. O(n log n).
 */
export function fitIsotonic(values: readonly number[], outcomes: readonly number[]): IsotonicCalibrator {
  checkFitRows(values, outcomes);
  const blocks: Block[] = [];
  for (const point of pooledPoints(values, outcomes)) {
    let block = point;
    for (let last = blocks.at(-1); last && last.sum * block.weight >= block.sum * last.weight; last = blocks.at(-1)) {
      blocks.pop();
      block = { from: last.from, to: block.to, sum: last.sum + block.sum, weight: last.weight + block.weight };
    }
    blocks.push(block);
  }
  const knots: [number, number][] = [];
  for (const { from, to, sum, weight } of blocks) {
    const mean = Math.min(1, Math.max(0, sum / weight));
    knots.push([from, mean]);
    if (to > from) knots.push([to, mean]);
  }
  return { kind: 'isotonic', knots, n: values.length };
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly sum: number;
  readonly weight: number;
}

function pooledPoints(values: readonly number[], outcomes: readonly number[]): readonly Block[] {
  const order = Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
  const points: Block[] = [];
  for (const row of order) {
    const at = values[row]!;
    const last = points.at(-1);
    if (last && last.to === at) points[points.length - 1] = { ...last, sum: last.sum + outcomes[row]!, weight: last.weight + 1 };
    else points.push({ from: at, to: at, sum: outcomes[row]!, weight: 1 });
  }
  return points;
}

/** The curve's value at a raw value. O(log knots). */
export function isotonicAt(knots: IsotonicCalibrator['knots'], value: number): number {
  let low = 0;
  let high = knots.length - 1;
  if (value <= knots[low]![0]) return knots[low]![1];
  if (value >= knots[high]![0]) return knots[high]![1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (knots[middle]![0] <= value) low = middle;
    else high = middle;
  }
  const [x0, y0] = knots[low]!;
  const [x1, y1] = knots[high]!;
  // Bounded by the ends, because rounding must not break the order.
  return Math.min(y1, Math.max(y0, y0 + ((value - x0) / (x1 - x0)) * (y1 - y0)));
}
