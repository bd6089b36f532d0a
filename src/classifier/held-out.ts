import { BLOCKS } from './feature-scanner.ts';
import type { Mixture } from './mixture.ts';
import { addScopeRow, type Certain, certaintyOf, diluted, dilutionOf, ENOUGH_OUTSIDE, fitCertain, scopeRows } from './scope.ts';
import type { HeldOutPrediction } from './types.ts';

const B = BLOCKS.length;
/** With fewer classes, a text without its own class says little about a text of no class. */
const FEWEST_CLASSES_TO_HIDE = 5;

/** What the models of the folds said of every row that they had not seen, row by row. */
export interface HeldOut {
  readonly classes: number;
  readonly linear: Float32Array;
  /** Empty without a network. */
  readonly network: Float32Array;
  readonly novelty: Float64Array;
  readonly noveltyWithoutClass: Float64Array;
}

/** The best of a row's classes, and the one after it. */
export interface Best {
  readonly k: number;
  readonly probability: number;
  /** Mixed score of the best less that of the runner-up. */
  readonly margin: number;
  /** Largest decision value of the linear head. */
  readonly decision: number;
}

/** The best class of scores z = mixture of both heads, with `sharpness` × z in the softmax; `hidden` is a class that is not there. */
export function bestOf(
  linear: ArrayLike<number>,
  network: ArrayLike<number> | null,
  from: number,
  classes: number,
  mixture: Mixture,
  { hidden, sharpness }: { readonly hidden: number; readonly sharpness: number } = { hidden: -1, sharpness: 1 },
): Best {
  let k = -1;
  let highest = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  let decision = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c += 1) {
    if (c === hidden) continue;
    const value = scoreOf(linear, network, from + c, mixture);
    if (linear[from + c]! > decision) decision = linear[from + c]!;
    if (value > highest) {
      second = highest;
      highest = value;
      k = c;
    } else if (value > second) second = value;
  }
  let total = 0;
  for (let c = 0; c < classes; c += 1)
    if (c !== hidden) total += Math.exp((scoreOf(linear, network, from + c, mixture) - highest) * sharpness);
  return { k, probability: 1 / total, margin: highest - second, decision };
}

/** The mixed score of one class. */
export function scoreOf(linear: ArrayLike<number>, network: ArrayLike<number> | null, at: number, mixture: Mixture): number {
  return mixture.linear * linear[at]! + (network ? mixture.network * network[at]! : 0);
}

/**
 * Scope and confidence of a classifier from held-out rows. Without enough given examples outside, two stand-ins are made of each row: the
 * row with its own class hidden (its words too, where no other class has them), and the row with half of it or more turned into unknown words.
 */
export function fitClassifierCertain(held: HeldOut, gold: Int32Array, mixture: Mixture): Certain {
  const { linear, classes } = held;
  const network = held.network.length > 0 ? held.network : null;
  const inside = scopeRows();
  const outside = scopeRows();
  const hides = classes >= FEWEST_CLASSES_TO_HIDE;
  const standIns = scopeRows();
  for (let row = 0; row < gold.length; row += 1) {
    const from = row * classes;
    const best = bestOf(linear, network, from, classes, mixture);
    const right = best.k === gold[row];
    addScopeRow(gold[row]! < 0 ? outside : inside, { ...best, right }, held.novelty, row * B);
    if (gold[row]! < 0) continue;
    if (hides) {
      const without = bestOf(linear, network, from, classes, mixture, { hidden: gold[row]!, sharpness: 1 });
      addScopeRow(standIns, { ...without, right: false }, held.noveltyWithoutClass, row * B);
      // One diluted row for every four hidden ones: hidden classes are the harder and the more usual case.
      if (row % 4 !== 0) continue;
    }
    const share = dilutionOf(row);
    const faint = bestOf(linear, network, from, classes, mixture, { hidden: -1, sharpness: 1 - share });
    addScopeRow(
      standIns,
      { probability: faint.probability, decision: best.decision * (1 - share) - share, right: false },
      diluted(held.novelty, row * B, share),
      0,
    );
  }
  const given = outside.right.length >= ENOUGH_OUTSIDE;
  return fitCertain({ inside, outside: given ? outside : standIns, given });
}

/** What is said of every held-out row, in the order of the rows. */
export function heldOutPredictions(held: HeldOut, labels: readonly string[], mixture: Mixture, certain: Certain): HeldOutPrediction[] {
  const { linear, classes } = held;
  const network = held.network.length > 0 ? held.network : null;
  return Array.from({ length: linear.length / classes }, (_, row) => {
    const best = bestOf(linear, network, row * classes, classes, mixture);
    return {
      label: labels[best.k]!,
      probability: best.probability,
      unscaledProbability: bestOf(linear, null, row * classes, classes, { linear: 1, network: 0 }).probability,
      margin: best.margin / mixture.linear,
      ...certaintyOf(certain, best, held.novelty, row * B),
    };
  });
}
