import type { Pair } from '../core/index.ts';

/**
 * 1 − cost of the policy over cost of the frontier for everything. The small model is paid on every row that is not skipped, because
 * every such row is tried; the frontier where `accepts` says no. Null when a cost that is needed is missing, or when the frontier costs nothing.
 */
export function savingsOf(pairs: readonly Pair[], accepts: (pair: Pair) => boolean): number | null {
  let policy = 0;
  let frontier = 0;
  for (const pair of pairs) {
    const tried = pair.skip ? 0 : pair.small.cost;
    if (tried === undefined || pair.big.cost === undefined) return null;
    policy += tried + (accepts(pair) ? 0 : pair.big.cost);
    frontier += pair.big.cost;
  }
  return frontier > 0 ? 1 - policy / frontier : null;
}
