import { seededRandom } from '../statistics/index.ts';
import type { LabelledText } from './types.ts';

/**
 * Fold of each row, from 0 to `folds` − 1: classes spread evenly, rows with the same text always in one fold, so that no
 * row is scored by a model that has seen its text. Deterministic for a seed.
 */
export function assignFolds(rows: readonly LabelledText[], folds: number, seed: number): Int32Array {
  const byText = new Map<string, number[]>();
  rows.forEach((row, index) => {
    const group = byText.get(row.text);
    if (group) group.push(index);
    else byText.set(row.text, [index]);
  });
  const byLabel = new Map<string, number[][]>();
  for (const group of seededRandom(seed).shuffle([...byText.values()])) {
    const { label } = rows[group[0]!]!;
    const groups = byLabel.get(label);
    if (groups) groups.push(group);
    else byLabel.set(label, [group]);
  }
  const fold = new Int32Array(rows.length);
  // Dealt on from class to class, so that many small classes do not all start in fold 0.
  let next = 0;
  for (const groups of byLabel.values()) {
    for (const group of groups) {
      for (const row of group) fold[row] = next % folds;
      next += 1;
    }
  }
  return fold;
}

/** How many different texts there are. */
export function distinctTexts(rows: readonly LabelledText[]): number {
  return new Set(rows.map((row) => row.text)).size;
}
