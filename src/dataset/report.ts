import type { Output } from '../core/index.ts';
import type { CountTokens } from '../pricing/index.ts';
import { quantileSorted } from '../statistics/index.ts';
import { tokensOf } from './filter-rows.ts';
import { termsOf } from './terms.ts';
import type { ClassCount, DatasetReport, DatasetRow, LengthReport, Provenance, RowFlag, Split, TermsFlag } from './types.ts';

/** Fewer rows to train on than this are too few to learn a label from. */
const RARE = 10;

/** What a person should know of rows before anything is trained on them. */
export function reportOn(
  rows: readonly DatasetRow[],
  {
    output,
    privateTexts,
    countTokens,
  }: { readonly output: Output | null; readonly privateTexts: DatasetReport['privateTexts']; readonly countTokens: CountTokens },
): DatasetReport {
  const splits: Record<Split, number> = { train: 0, validation: 0, golden: 0 };
  const provenance: Record<Provenance, number> = { log: 0, upload: 0, 'model-label': 0, human: 0 };
  const flags: Record<RowFlag, number> = { long: 0, 'label-conflict': 0, terms: 0, private: 0 };
  const drawn: Record<string, number> = {};
  for (const row of rows) {
    splits[row.split] += 1;
    provenance[row.provenance] += 1;
    drawn[row.drawn] = (drawn[row.drawn] ?? 0) + 1;
    for (const flag of row.flags) flags[flag] += 1;
  }
  const classes = output?.kind === 'label' ? classesOf(rows) : null;
  const trained = new Map(classes?.map(({ label, train }) => [label, train]));
  const declared = output?.kind === 'label' ? output.labels : [];
  return {
    rows: splits,
    provenance,
    drawn,
    teachers: teachersOf(rows),
    terms: termsFlags(rows),
    classes,
    missingLabels: declared.filter((label) => (trained.get(label) ?? 0) === 0),
    rareLabels: declared.filter((label) => (trained.get(label) ?? 0) > 0 && (trained.get(label) ?? 0) < RARE),
    privateTexts,
    inputTokens: lengths(rows.map((row) => tokensOf({ ...row, output: null }, countTokens))),
    outputTokens: lengths(rows.map(({ output: answer }) => (answer === null ? 0 : countTokens(answer)))),
    flags,
  };
}

/** Whether the terms of the row's teacher restrict training on its answer. */
export function isRestricted({ teacher }: Pick<DatasetRow, 'teacher'>): boolean {
  return teacher !== null && termsOf(teacher.provider).training === 'restricted';
}

function classesOf(rows: readonly DatasetRow[]): readonly ClassCount[] {
  const classes = new Map<string | null, Record<Split, number>>();
  for (const { output, split } of rows) {
    const counts = classes.get(output) ?? { train: 0, validation: 0, golden: 0 };
    counts[split] += 1;
    classes.set(output, counts);
  }
  return [...classes]
    .map(([label, counts]) => ({ label, ...counts }))
    .sort((a, b) => b.train - a.train || ((a.label ?? '') < (b.label ?? '') ? -1 : 1));
}

function teachersOf(rows: readonly DatasetRow[]): DatasetReport['teachers'] {
  const teachers = new Map<string, { readonly model: string; readonly served: string | null; rows: number }>();
  for (const { teacher } of rows) {
    if (teacher === null) continue;
    const key = JSON.stringify([teacher.model, teacher.served]);
    const known = teachers.get(key) ?? { model: teacher.model, served: teacher.served, rows: 0 };
    known.rows += 1;
    teachers.set(key, known);
  }
  return [...teachers.values()].sort((a, b) => b.rows - a.rows);
}

function termsFlags(rows: readonly DatasetRow[]): readonly TermsFlag[] {
  const providers = new Map<string, number>();
  for (const { teacher } of rows) if (teacher !== null) providers.set(teacher.provider, (providers.get(teacher.provider) ?? 0) + 1);
  return [...providers].map(([provider, count]) => ({ ...termsOf(provider), provider, rows: count })).sort((a, b) => b.rows - a.rows);
}

function lengths(tokens: readonly number[]): LengthReport {
  if (tokens.length === 0) return { p50: 0, p95: 0, max: 0, total: 0 };
  const sorted = [...tokens].sort((a, b) => a - b);
  return {
    p50: quantileSorted(sorted, 0.5),
    p95: quantileSorted(sorted, 0.95),
    max: sorted.at(-1) ?? 0,
    total: tokens.reduce((sum, count) => sum + count, 0),
  };
}
