import { seededRandom } from '../statistics/index.ts';

/**
 * Fold of each row, from 0 to `folds` − 1: strata (classes) spread evenly, rows with the same key (text) always in one fold, so that no
 * row is scored by a model that has seen its text. Deterministic for a seed.
 */
export function assignFolds(keys: readonly string[], strata: readonly string[], folds: number, seed: number): Int32Array {
  const byKey = new Map<string, number[]>();
  keys.forEach((key, index) => {
    const group = byKey.get(key);
    if (group) group.push(index);
    else byKey.set(key, [index]);
  });
  const byStratum = new Map<string, number[][]>();
  for (const group of seededRandom(seed).shuffle([...byKey.values()])) {
    const stratum = strata[group[0]!]!;
    const groups = byStratum.get(stratum);
    if (groups) groups.push(group);
    else byStratum.set(stratum, [group]);
  }
  const fold = new Int32Array(keys.length);
  // Dealt on from class to class, so that many small classes do not all start in fold 0.
  let next = 0;
  for (const groups of byStratum.values()) {
    for (const group of groups) {
      for (const row of group) fold[row] = next % folds;
      next += 1;
    }
  }
  return fold;
}

/** Rows of each fold's training part and of its held-out part. */
export function splitFold(foldOf: Int32Array, fold: number): { readonly training: Int32Array; readonly heldOut: Int32Array } {
  const training: number[] = [];
  const heldOut: number[] = [];
  for (let row = 0; row < foldOf.length; row += 1) (foldOf[row] === fold ? heldOut : training).push(row);
  return { training: Int32Array.from(training), heldOut: Int32Array.from(heldOut) };
}

/** Folds that so many rows of so many distinct keys get: what is asked for, else 5, or 3 from `large` rows on; never more than keys. */
export function foldCount(rows: number, distinct: number, large: number, asked: number | undefined): number {
  return Math.max(2, Math.min(asked ?? (rows < large ? 5 : 3), distinct));
}
