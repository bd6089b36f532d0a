import { GRID_POINTS } from './evidence.ts';
import type { Ladder } from './tiers-columns.ts';

/** Thresholds for every model below the ceiling, cheapest first; null where the model is not asked. */
export type Thresholds = readonly (number | null)[];

/**
 * The fixed sequence of a ladder: one threshold vector after another, from the safest to the boldest, made from confidences alone.
 *
 * One number t walks down. The model next to the ceiling accepts from confidence t on; each cheaper one may err half as often, so it
 * accepts from 1 − (1 − t)/2, 1 − (1 − t)/4 …: giving up on a cheap answer costs no more than the next, cheap, try. t takes the 40
 * quantiles of every model's confidences, brought to its own scale, until the cheapest accepts all that it has a confidence for. A model
 * that accepts nothing yet is not asked. With two models this is the grid of `certify`, point for point.
 *
 * Valid because it is fixed before any quality is seen: a fixed sequence keeps its error whatever the order of its hypotheses. That the
 * order goes from safe to bold, and that confidences mean the same for every model (calibrate them), decides about power alone.
 */
export function tierPath(ladder: Ladder): readonly Thresholds[] {
  const below = ladder.columns.length - 1;
  if (ladder.unranked) return swaps(below);
  const falling = ladder.columns
    .slice(0, below)
    .map(({ confidence }) => sortFalling(confidence.filter((value, row) => asked(ladder, value, row))));
  const steps = falling.flatMap((values, tier) => quantiles(values).map((value) => reach(value, below - 1 - tier)));
  const path: Thresholds[] = [];
  for (const t of new Set(steps.sort((a, b) => b - a))) {
    const thresholds = falling.map((values, tier) => lowestAccepted(values, t, below - 1 - tier));
    if (!sameAs(path.at(-1), thresholds)) path.push(thresholds);
  }
  return path;
}

/** Without any confidence a model takes all or nothing: the most expensive first, the cheapest last. */
function swaps(below: number): Thresholds[] {
  return Array.from({ length: below }, (_, step) => Array.from({ length: below }, (_, tier) => (tier >= below - 1 - step ? 0 : null)));
}

function asked(ladder: Ladder, confidence: number, row: number): boolean {
  return confidence >= 0 && ladder.skipped[row] === 0;
}

/** The t at which an answer is just accepted, `steps` models below the one next to the ceiling. */
function reach(confidence: number, steps: number): number {
  return steps === 0 ? confidence : 1 - (1 - confidence) * 2 ** steps;
}

/** The quantiles k/40, falling. */
function quantiles(falling: Float64Array): number[] {
  if (falling.length === 0) return [];
  return Array.from({ length: GRID_POINTS }, (_, k) => falling[Math.ceil(((k + 1) * falling.length) / GRID_POINTS) - 1]!);
}

/** The lowest of the confidences that t lets pass: a number that was seen, so that rounding cannot move the border. Null when none passes. */
function lowestAccepted(falling: Float64Array, t: number, steps: number): number | null {
  let low = 0;
  let high = falling.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reach(falling[middle]!, steps) >= t) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : falling[low - 1]!;
}

function sortFalling(values: Float64Array): Float64Array {
  return values.sort().reverse();
}

function sameAs(before: Thresholds | undefined, thresholds: Thresholds): boolean {
  return before?.every((value, tier) => value === thresholds[tier]) ?? false;
}
