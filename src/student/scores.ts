import { aurc, auroc, coverageAt, ece } from '../confidence/index.ts';
import { macroF1 } from './macro-f1.ts';
import { fieldScores, labelSetScores, sameFields, sameLabels } from './set-scores.ts';
import type { Gold, StudentKind, StudentPrediction } from './types.ts';

/** What scoring must know of a student. */
export interface Scale {
  readonly kind: StudentKind;
  /** What it can answer; a gold label that is not among them is out of scope. */
  readonly labels: ReadonlySet<string>;
  /** Largest error of a scorer that counts as right. */
  readonly tolerance: number;
}

/** Scores over the rows with a gold answer. Members that a kind does not have are absent. */
export interface StudentScores {
  /** Rows whose gold answer the student could give. */
  readonly inScope: number;
  /** Rows whose gold answer is null or unknown to the student. */
  readonly outOfScope: number;
  /** Share of the in-scope rows that are wholly right: the label, the exact set, the exact record, within the tolerance. Null without such rows. */
  readonly accuracy: number | null;
  /** Over 15 equal-mass bins of the confidence, on all rows: an answer to a text out of scope is wrong. */
  readonly ece: number;
  readonly aurc: number;
  /** Largest share of all rows that can be answered at this accuracy, by the best threshold in hindsight on these same rows. */
  readonly coverage95: number;
  readonly coverage98: number;
  /** Those thresholds in hindsight; null when none reaches the accuracy. They promise nothing about other rows. */
  readonly oracleThreshold95: number | null;
  readonly oracleThreshold98: number | null;
  /** How well `inScope` tells both sorts of rows apart; null where one sort is absent. */
  readonly outOfScopeAuroc: number | null;
  /** Share of the out-of-scope rows that were said to be so, and of the in-scope rows that were wrongly said to be; null without such rows. */
  readonly outOfScopeRecall: number | null;
  readonly falseAlarms: number | null;
  /** Classifier, over the in-scope rows: mean F1 over labels. Multi-label and extractor: over labels or fields. */
  readonly macroF1?: number;
  /** Multi-label: over (row, label). Extractor: over (row, field value), the usual slot F1. */
  readonly microF1?: number;
  /** Multi-label: the same as accuracy, by its usual name. */
  readonly subsetAccuracy?: number;
  /** Extractor: the same as accuracy, by its usual name. */
  readonly recordExact?: number;
  /** Scorer: mean absolute and root mean square error, and the error that counts as right. */
  readonly mae?: number;
  readonly rmse?: number;
  readonly tolerance?: number;
}

/** Whether a row has a gold answer, null included. */
export function hasGold(row: Gold, kind: StudentKind): boolean {
  return goldOf(row, kind) !== undefined;
}

/** Whether the gold answer is one that the student could give. */
export function isInScope(row: Gold, { kind, labels }: Scale): boolean {
  const gold = goldOf(row, kind);
  if (gold === null || gold === undefined) return false;
  if (kind === 'classifier') return labels.has(gold as string);
  if (kind === 'multilabel') return (gold as readonly string[]).every((label) => labels.has(label));
  return true;
}

/** Whether a prediction is wholly right; one for a text out of scope never is. */
export function isRight(row: Gold, said: StudentPrediction, scale: Scale): boolean {
  if (!isInScope(row, scale)) return false;
  if (scale.kind === 'classifier') return said.label === row.label;
  if (scale.kind === 'multilabel') return sameLabels(said.labels ?? [], row.labels ?? []);
  if (scale.kind === 'extractor') return sameFields(said.fields ?? {}, row.fields ?? {});
  return Math.abs((said.value ?? Number.NaN) - (row.value ?? Number.NaN)) <= scale.tolerance + 1e-9;
}

/** Scores predictions against the gold answers of the same rows; every row must have one. */
export function scorePredictions(rows: readonly Gold[], said: readonly StudentPrediction[], scale: Scale): StudentScores {
  const inside = rows.map((row) => isInScope(row, scale));
  const outcomes = rows.map((row, i) => (isRight(row, said[i]!, scale) ? 1 : 0));
  const confidences = said.map(({ confidence }) => confidence);
  const at95 = coverageAt(confidences, outcomes, 0.95);
  const at98 = coverageAt(confidences, outcomes, 0.98);
  const count = inside.filter(Boolean).length;
  const right = outcomes.reduce((sum: number, outcome) => sum + outcome, 0);
  const flagged = (wanted: boolean) => said.filter(({ outOfScope }, i) => inside[i] === wanted && outOfScope).length;
  return {
    inScope: count,
    outOfScope: rows.length - count,
    accuracy: count === 0 ? null : right / count,
    ece: ece(confidences, outcomes)!,
    aurc: aurc(confidences, outcomes)!,
    coverage95: at95.coverage,
    coverage98: at98.coverage,
    oracleThreshold95: at95.threshold,
    oracleThreshold98: at98.threshold,
    outOfScopeAuroc: auroc(
      said.map(({ inScope }) => inScope),
      inside.map((is) => (is ? 1 : 0)),
    ),
    outOfScopeRecall: count === rows.length ? null : flagged(false) / (rows.length - count),
    falseAlarms: count === 0 ? null : flagged(true) / count,
    ...ofKind(
      rows.filter((_, i) => inside[i]),
      said.filter((_, i) => inside[i]),
      scale,
    ),
  };
}

function ofKind(rows: readonly Gold[], said: readonly StudentPrediction[], { kind, tolerance }: Scale): Partial<StudentScores> {
  if (rows.length === 0) return {};
  if (kind === 'classifier') {
    const [predicted, gold] = [said.map(({ label }) => label ?? ''), rows.map(({ label }) => label ?? null)];
    return { macroF1: macroF1(predicted, gold) };
  }
  if (kind === 'multilabel') {
    const found = labelSetScores(
      said.map(({ labels }) => labels ?? []),
      rows.map(({ labels }) => labels ?? []),
    );
    return { microF1: found.microF1, macroF1: found.macroF1, subsetAccuracy: found.exact };
  }
  if (kind === 'extractor') {
    const found = fieldScores(
      said.map(({ fields }) => fields ?? {}),
      rows.map(({ fields }) => fields ?? {}),
    );
    return { microF1: found.microF1, macroF1: found.macroF1, recordExact: found.exact };
  }
  const errors = rows.map(({ value }, i) => Math.abs((said[i]!.value ?? 0) - (value ?? 0)));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mae: mean(errors), rmse: Math.sqrt(mean(errors.map((error) => error * error))), tolerance };
}

/** What a row says is right, in the form of a kind; undefined where it says nothing. */
export function goldOf(row: Gold, kind: StudentKind): unknown {
  if (kind === 'classifier') return row.label;
  if (kind === 'multilabel') return row.labels;
  return kind === 'extractor' ? row.fields : row.value;
}
