import type { CertifyMethod, EpochMs } from '../core/index.ts';
import type { Look } from '../store/index.ts';

/** Pairs of the first automatic look; each one after it waits for twice as many. */
export const FIRST_LOOK = 500;

/** The e-value may look at any time; these keep it from looking at every pair, which would cost time and tell nobody more. */
const FIRST_FREE_LOOK = 100;
const FREE_LOOK_GROWTH = 1.1;

/** Looks that saw some of the pairs of now: all that came at or after the oldest of them. */
export function looksThatSaw(looks: readonly Look[], oldest: EpochMs | null): readonly Look[] {
  return oldest === null ? [] : looks.filter(({ at }) => at >= oldest);
}

/**
 * The number of the next look, which spends δ·2^−k. All looks of a task at these pairs are on one line: a second candidate, a second
 * signal and a retrained student on the same requests each take the next share. Wholly new pairs begin at 1.
 */
export function nextNumber(looks: readonly Look[]): number {
  return 1 + looks.reduce((most, { k }) => Math.max(most, k), 0);
}

/** How many pairs the next automatic look of a candidate waits for, given those of its looks that saw the pairs of now. */
export function nextSize(looks: readonly Look[], method: CertifyMethod): number {
  const largest = looks.reduce((most, { n }) => Math.max(most, n), 0);
  if (method === 'evalue') return largest === 0 ? FIRST_FREE_LOOK : Math.ceil(largest * FREE_LOOK_GROWTH);
  let size = FIRST_LOOK;
  while (size <= largest) size *= 2;
  return size;
}

/** Whether two methods spend the same error: looks by the score test and the harm test share one line, the e-value bets on its own. */
export function sharesError(a: CertifyMethod, b: CertifyMethod): boolean {
  return (a === 'evalue') === (b === 'evalue');
}
