import { BLOCKS } from './feature-scanner.ts';
import type { ClassScores, Mixture } from './mixture.ts';
import { addScopeRow, type Certain, certaintyOf, diluted, dilutionOf, ENOUGH_OUTSIDE, fitCertain, scopeRows } from './scope.ts';
import type { HeldOutPrediction } from './types.ts';

const B = BLOCKS.length;
/** With fewer classes, a text without its own class says little about a text of no class. */
const FEWEST_CLASSES_TO_HIDE = 5;

/** What the models of the folds said of every row that they had not seen, row by row. */
export interface HeldOut extends ClassScores {
  readonly linear: Float32Array;
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

/** A row as it would be with the scores times `sharpness`, and without the class `hidden` (−1 for none). */
interface Disguise {
  readonly hidden: number;
  readonly sharpness: number;
}

const UNDISGUISED: Disguise = { hidden: -1, sharpness: 1 };

/** The best class of the row whose scores lie from `from`. */
export function bestOf(scores: ClassScores, from: number, mixture: Mixture, { hidden, sharpness }: Disguise = UNDISGUISED): Best {
  const { classes, linear } = scores;
  let k = -1;
  let highest = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  let decision = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c += 1) {
    if (c === hidden) continue;
    const value = scoreOf(scores, from + c, mixture);
    if (linear[from + c]! > decision) decision = linear[from + c]!;
    if (value > highest) {
      second = highest;
      highest = value;
      k = c;
    } else if (value > second) second = value;
  }
  let total = 0;
  for (let c = 0; c < classes; c += 1) if (c !== hidden) total += Math.exp((scoreOf(scores, from + c, mixture) - highest) * sharpness);
  return { k, probability: 1 / total, margin: highest - second, decision };
}

/** The mixed score of one class. */
export function scoreOf({ linear, network }: ClassScores, at: number, mixture: Mixture): number {
  return mixture.linear * linear[at]! + (network ? mixture.network * network[at]! : 0);
}

/**
 * Scope and confidence of a classifier from held-out rows. Without enough given examples outside, two stand-ins are made of each row: the
 * row with its own class hidden (its words too, where no other class has them), and the row with half of it or more turned into unknown words.
 */
export function fitClassifierCertain(held: HeldOut, gold: Int32Array, mixture: Mixture): Certain {
  const { classes } = held;
  const inside = scopeRows();
  const outside = scopeRows();
  const hides = classes >= FEWEST_CLASSES_TO_HIDE;
  const standIns = scopeRows();
  for (let row = 0; row < gold.length; row += 1) {
    const from = row * classes;
    const best = bestOf(held, from, mixture);
    const right = best.k === gold[row];
    addScopeRow(gold[row]! < 0 ? outside : inside, { ...best, right }, held.novelty, row * B);
    if (gold[row]! < 0) continue;
    if (hides) {
      const without = bestOf(held, from, mixture, { hidden: gold[row]!, sharpness: 1 });
      addScopeRow(standIns, { ...without, right: false }, held.noveltyWithoutClass, row * B);
      // One diluted row for every four hidden ones: hidden classes are the harder and the more usual case.
      if (row % 4 !== 0) continue;
    }
    const share = dilutionOf(row);
    const faint = bestOf(held, from, mixture, { hidden: -1, sharpness: 1 - share });
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
  const { classes } = held;
  return Array.from({ length: held.linear.length / classes }, (_, row) => {
    const best = bestOf(held, row * classes, mixture);
    return {
      label: labels[best.k]!,
      probability: best.probability,
      unscaledProbability: bestOf(held, row * classes, { linear: 1, network: 0 }).probability,
      margin: best.margin / mixture.linear,
      ...certaintyOf(certain, best, held.novelty, row * B),
    };
  });
}
