/** Fewer rows of a label than this say too little about it alone: it takes what all labels together say. */
export const FEWEST_POSITIVES = 10;

/**
 * The threshold with the best F1: a label is given where its probability reaches it. Ties go to the higher threshold. `probabilities` and
 * `truth` (1 or 0) are of held-out rows. 0.5 when nothing is true.
 */
export function bestF1Threshold(probabilities: ArrayLike<number>, truth: ArrayLike<number>): number {
  const order = Array.from({ length: probabilities.length }, (_, i) => i).sort((a, b) => probabilities[b]! - probabilities[a]!);
  let positives = 0;
  for (let i = 0; i < truth.length; i += 1) positives += truth[i]!;
  if (positives === 0) return 0.5;
  let hits = 0;
  let best = { f1: 0, threshold: 0.5 };
  for (let i = 0; i < order.length; i += 1) {
    hits += truth[order[i]!]!;
    const here = probabilities[order[i]!]!;
    const next = i + 1 < order.length ? probabilities[order[i + 1]!]! : 0;
    // A threshold lies between two different probabilities only.
    if (next === here) continue;
    const f1 = (2 * hits) / (i + 1 + positives);
    if (f1 > best.f1) best = { f1, threshold: (here + next) / 2 };
  }
  return best.threshold;
}
