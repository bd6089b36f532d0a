import { GOLD_MEMBER } from './rows.ts';
import type { Scale } from './scores.ts';
import type { StudentCard, StudentKind, TrainingRow } from './types.ts';

/** The scale of a trained student. */
export function scaleOf({ kind, labels, crossValidation }: Pick<StudentCard, 'kind' | 'labels' | 'crossValidation'>): Scale {
  return { kind, labels: new Set(labels), tolerance: crossValidation.tolerance ?? 0 };
}

/** How many rows show what is out of scope, and how many the rarest class or field has. */
export function classCounts(
  rows: readonly TrainingRow[],
  kind: StudentKind,
): { readonly outOfScopeRows: number; readonly fewestPerClass: number | null } {
  const counts = new Map<string, number>();
  for (const row of rows) for (const name of classesOf(row, kind)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return {
    outOfScopeRows: rows.filter((row) => row[GOLD_MEMBER[kind]] === null).length,
    fewestPerClass: counts.size === 0 ? null : Math.min(...counts.values()),
  };
}

function classesOf({ label, labels, fields }: TrainingRow, kind: StudentKind): readonly string[] {
  if (kind === 'classifier') return typeof label === 'string' ? [label] : [];
  if (kind === 'multilabel') return labels ?? [];
  return kind === 'extractor' ? Object.keys(fields ?? {}) : [];
}
