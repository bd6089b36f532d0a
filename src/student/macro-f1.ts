/**
 * Plain mean of F1 over the labels that occur as gold or as prediction (scikit-learn's macro F1 with `zero_division=0`). Unlike a full
 * classification report it keeps no confusion matrix, so gold labels may be as many as rows. A gold of null is a label of its own.
 */
export function macroF1(predicted: readonly string[], gold: readonly (string | null)[]): number {
  const right = new Map<string | null, number>();
  const occurrences = new Map<string | null, number>();
  const count = (map: Map<string | null, number>, label: string | null) => map.set(label, (map.get(label) ?? 0) + 1);
  for (const [row, label] of gold.entries()) {
    const answer = predicted[row]!;
    count(occurrences, label);
    count(occurrences, answer);
    if (answer === label) count(right, label);
  }
  let sum = 0;
  // F1 = 2·right / (said + support), and both of these are counted in `occurrences`.
  for (const [label, times] of occurrences) sum += (2 * (right.get(label) ?? 0)) / times;
  return sum / occurrences.size;
}
