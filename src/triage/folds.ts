import { seededRandom } from '../statistics/index.ts';

/** Keys of rows that belong together: their cluster, else their text, so that a repeated text is never both learned and held out. */
export function groupKeys(rows: readonly { readonly text: string; readonly cluster?: string }[]): string[] {
  return rows.map((row) => (row.cluster === undefined ? `text ${row.text}` : `cluster ${row.cluster}`));
}

/** Deals groups of equal keys to folds in random order, each to the fold that has the fewest rows. Returns every fold's row indices. */
export function dealFolds(keys: readonly string[], folds: number, seed: number): number[][] {
  const groups = new Map<string, number[]>();
  keys.forEach((key, row) => {
    const members = groups.get(key);
    if (members) members.push(row);
    else groups.set(key, [row]);
  });
  const dealt: number[][] = Array.from({ length: folds }, () => []);
  for (const members of seededRandom(seed).shuffle([...groups.values()])) {
    let least = dealt[0]!;
    for (const fold of dealt) if (fold.length < least.length) least = fold;
    least.push(...members);
  }
  return dealt.map((fold) => fold.sort((a, b) => a - b));
}

/** All indices below n that are not in the sorted fold. */
export function without(n: number, fold: readonly number[]): number[] {
  const held = new Set(fold);
  return Array.from({ length: n }, (_, row) => row).filter((row) => !held.has(row));
}
