import { contentHash, type Json } from '../core/index.ts';
import { GOLD_MEMBER } from './rows.ts';
import type { StudentKind, TrainingRow } from './types.ts';

/** The file of a student's folder that keeps its training rows, where they were asked to be kept. */
export const ROWS_FILE = 'rows.jsonl';

/** SHA-256 over the texts and right answers of training rows, in order. */
export function dataHashOf(rows: readonly TrainingRow[], kind: StudentKind): string {
  const member = GOLD_MEMBER[kind];
  return contentHash(rows.map((row): Json => ({ text: row.text, [member]: (row[member] ?? null) as Json })));
}

/** Training rows as the file that `loadTrainingSet` reads back. */
export function keptRows(rows: readonly TrainingRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
