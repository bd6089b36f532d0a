import { GRID_POINTS } from './evidence.ts';
import { answeredBy, type Ladder, type Thresholds } from './tiers-columns.ts';
import { billOf } from './tiers-spending.ts';

/** Least share of the errors that a cheaper model may make: a free next try must not make it infinitely strict. */
const LEAST_RATE = 0.01;

/**
 * The fixed sequence of a ladder: one threshold vector after another, from the safest to the boldest, made from confidences and costs.
 *
 * One number t walks down. The model next to the ceiling accepts from confidence t on. A cheaper one may err less, by what the model
 * after it costs as a share of the ceiling's cost (1/2 per step where costs are not known): it accepts from 1 − (1 − t)·rate on, because
 * its escalation costs only that next try. t takes the 40 quantiles of every model's confidences, brought to its own scale, until the
 * cheapest accepts all that it has a confidence for. At each t a model that does not pay for itself is not asked.
 * With two models this is the grid of `certify`, point for point.
 *
 * Valid because no quality is looked at: a fixed sequence keeps its error whatever the order of its hypotheses. That the order goes from
 * safe to bold, and that confidences mean the same for every model (calibrate them), decides about power alone.
 */
export function tierPath(ladder: Ladder): readonly Thresholds[] {
  const below = ladder.columns.length - 1;
  if (ladder.unranked) return swaps(below);
  const rates = ratesOf(ladder);
  const falling = ladder.columns
    .slice(0, below)
    .map(({ confidence }) => sortFalling(confidence.filter((value, row) => value >= 0 && ladder.skipped[row] === 0)));
  const steps = falling.flatMap((values, tier) => quantiles(values).map((value) => reach(value, rates[tier]!)));
  const path: Thresholds[] = [];
  for (const t of new Set(steps.sort((a, b) => b - a))) {
    const thresholds = worthAsking(
      ladder,
      falling.map((values, tier) => lowestAccepted(values, t, rates[tier]!)),
    );
    if (!sameAs(path.at(-1), thresholds)) path.push(thresholds);
  }
  return path;
}

/** Without any confidence a model takes all or nothing: the most expensive first, the cheapest last. */
function swaps(below: number): Thresholds[] {
  return Array.from({ length: below }, (_, step) => Array.from({ length: below }, (_, tier) => (tier >= below - 1 - step ? 0 : null)));
}

/** How much less than the model next to the ceiling each may err: the next model's mean cost over the ceiling's. */
function ratesOf({ columns }: Ladder): number[] {
  const below = columns.length - 1;
  const costs = columns.map(({ cost }) => cost.reduce((sum, value) => sum + value, 0));
  const ceiling = costs[below]!;
  return costs.slice(0, below).map((_, tier) => {
    if (tier === below - 1) return 1;
    const rate = costs[tier + 1]! / ceiling;
    return rate >= 0 ? Math.min(1, Math.max(LEAST_RATE, rate)) : 2 ** (tier + 1 - below);
  });
}

/** Leaves out, one at a time, the models whose calls cost more than they spare; one always stays. */
function worthAsking(ladder: Ladder, all: Thresholds): Thresholds {
  const savings = (thresholds: Thresholds) => billOf(ladder, thresholds, answeredBy(ladder, thresholds)).savings;
  let best = all;
  let saved = savings(all);
  for (;;) {
    const asked = best.flatMap((threshold, tier) => (threshold === null ? [] : [tier]));
    if (saved === null || asked.length < 2) return best;
    const from: Thresholds = best;
    for (const left of asked) {
      const fewer = from.map((threshold, tier) => (tier === left ? null : threshold));
      const value = savings(fewer)!;
      // More than rounding, so that a model that changes nothing stays.
      if (value > saved + 1e-12) [best, saved] = [fewer, value];
    }
    if (best === from) return best;
  }
}

/** The t at which an answer is just accepted. */
function reach(confidence: number, rate: number): number {
  return rate === 1 ? confidence : 1 - (1 - confidence) / rate;
}

/** The quantiles k/40, falling. */
function quantiles(falling: Float64Array): number[] {
  if (falling.length === 0) return [];
  return Array.from({ length: GRID_POINTS }, (_, k) => falling[Math.ceil(((k + 1) * falling.length) / GRID_POINTS) - 1]!);
}

/** The lowest of the confidences that t lets pass: a number that was seen, so that rounding cannot move the border. Null when none passes. */
function lowestAccepted(falling: Float64Array, t: number, rate: number): number | null {
  let low = 0;
  let high = falling.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reach(falling[middle]!, rate) >= t) low = middle + 1;
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
