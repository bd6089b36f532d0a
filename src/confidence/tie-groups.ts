import { SmallfirstError } from '../core/index.ts';

/** Rows that share one confidence. */
export interface TieGroup {
  readonly confidence: number;
  readonly count: number;
  /** Sum of what was measured on its rows (outcomes, losses). */
  readonly sum: number;
}

/**
 * Groups rows by equal confidence, lowest first. Every measure works on groups, so the order in which tied rows arrive can change
 * nothing. Throws INPUT_INVALID on rows that `checkRows` refuses. O(n log n).
 */
export function tieGroups(confidences: readonly number[], measured: readonly number[]): readonly TieGroup[] {
  checkRows(confidences, measured);
  const order = new Uint32Array(confidences.length);
  for (let row = 0; row < order.length; row += 1) order[row] = row;
  order.sort((a, b) => confidences[a]! - confidences[b]!);
  const groups: { confidence: number; count: number; sum: number }[] = [];
  for (const row of order) {
    const confidence = confidences[row]!;
    const last = groups.at(-1);
    if (last && last.confidence === confidence) {
      last.count += 1;
      last.sum += measured[row]!;
    } else groups.push({ confidence, count: 1, sum: measured[row]! });
  }
  return groups;
}

/** Throws INPUT_INVALID on lengths that differ, on values that are not finite, and on outcomes outside 0…1. */
export function checkRows(values: readonly number[], outcomes: readonly number[]): void {
  if (values.length !== outcomes.length)
    throw new SmallfirstError('INPUT_INVALID', `${values.length} values have ${outcomes.length} outcomes`);
  for (let row = 0; row < values.length; row += 1) {
    const outcome = outcomes[row]!;
    if (!Number.isFinite(values[row]!)) throw new SmallfirstError('INPUT_INVALID', `value ${row + 1} is not a finite number`);
    if (!(outcome >= 0 && outcome <= 1)) throw new SmallfirstError('INPUT_INVALID', `outcome ${row + 1} does not lie between 0 and 1`);
  }
}

/** The same for rows that something is fitted on: there must be at least one. */
export function checkFitRows(values: readonly number[], outcomes: readonly number[]): void {
  if (values.length === 0) throw new SmallfirstError('INPUT_INVALID', 'a calibrator needs at least one row');
  checkRows(values, outcomes);
}
