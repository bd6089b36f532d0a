import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../core/index.ts';
import type { FineTuneRow } from './types.ts';

/** Below so many rows none is held out: each is worth more in training. */
const FEWEST_ROWS = 20;

/**
 * Holds rows out to watch training by: about this share of them, chosen by a hash of their conversation (or of the row itself), so that
 * the same rows are held out every time and no conversation is on both sides.
 */
export function holdOut(
  rows: readonly FineTuneRow[],
  share: number,
): { readonly training: readonly FineTuneRow[]; readonly validation: readonly FineTuneRow[] } {
  if (share <= 0 || rows.length < FEWEST_ROWS) return { training: rows, validation: [] };
  const validation: FineTuneRow[] = [];
  const training: FineTuneRow[] = [];
  for (const row of rows) (fraction(row) < share ? validation : training).push(row);
  return validation.length === 0 || training.length === 0 ? { training: rows, validation: [] } : { training, validation };
}

function fraction({ line: _line, ...row }: FineTuneRow): number {
  const key = row.group ?? canonicalJson(row as unknown as Json);
  return createHash('sha256').update(`hold-out\0${key}`).digest().readUInt32BE(0) / 2 ** 32;
}
