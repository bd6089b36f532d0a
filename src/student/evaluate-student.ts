import { aurc, coverageAt, ece } from '../confidence/index.ts';
import type { Clock } from '../core/index.ts';
import { quantileSorted } from '../statistics/index.ts';
import { macroF1 } from './macro-f1.ts';
import type { PredictionRow, Student } from './types.ts';

/** What a student says about one row. */
export interface RowPrediction {
  readonly id?: string | number;
  readonly label: string;
  /** Calibrated P(label is right). */
  readonly confidence: number;
}

/** Scores over the rows with a gold label. */
export interface StudentScores {
  readonly accuracy: number;
  readonly macroF1: number;
  /** Expected calibration error over 15 equal-mass bins. */
  readonly ece: number;
  readonly aurc: number;
  /** Largest share of rows that can be answered at this accuracy, by the best threshold in hindsight on these same rows. */
  readonly coverage95: number;
  readonly coverage98: number;
  /** Those thresholds in hindsight; null when none reaches the accuracy. They promise nothing about other rows. */
  readonly oracleThreshold95: number | null;
  readonly oracleThreshold98: number | null;
}

/** Predictions for every row in order, scores where gold is known, and time per prediction in microseconds. */
export interface StudentEvaluation {
  readonly n: number;
  /** Rows with a gold label; a label that the student does not know, or null, is known to be wrong. */
  readonly labelled: number;
  /** Null without any gold label. */
  readonly scores: StudentScores | null;
  readonly latencyUs: { readonly p50: number; readonly p99: number };
  readonly predictions: readonly RowPrediction[];
}

/** Rows answered once beforehand, so that the compiler's warm-up is not measured. */
const WARM_UP = 2000;

/** Answers every row one after the other, timing each. */
export function evaluateStudent(student: Student, rows: readonly PredictionRow[], clock: Clock): StudentEvaluation {
  for (const row of rows.slice(0, WARM_UP)) student.predict(row.text);
  const micros = new Float64Array(rows.length);
  const predictions = rows.map((row, index): RowPrediction => {
    const startedAt = clock.monotonic();
    const { label = '', confidence } = student.predict(row.text);
    micros[index] = (clock.monotonic() - startedAt) * 1000;
    return { ...(row.id === undefined ? {} : { id: row.id }), label, confidence };
  });
  micros.sort();
  const labelled = [...rows.keys()].filter((index) => rows[index]!.label !== undefined);
  return {
    n: rows.length,
    labelled: labelled.length,
    scores: labelled.length === 0 ? null : score(rows, predictions, labelled),
    latencyUs: { p50: quantileSorted(micros, 0.5), p99: quantileSorted(micros, 0.99) },
    predictions,
  };
}

function score(rows: readonly PredictionRow[], predictions: readonly RowPrediction[], labelled: readonly number[]): StudentScores {
  const gold = labelled.map((index) => rows[index]!.label ?? null);
  const predicted = labelled.map((index) => predictions[index]!.label);
  const confidences = labelled.map((index) => predictions[index]!.confidence);
  const outcomes = labelled.map((_, place) => (predicted[place] === gold[place] ? 1 : 0));
  const at95 = coverageAt(confidences, outcomes, 0.95);
  const at98 = coverageAt(confidences, outcomes, 0.98);
  return {
    accuracy: outcomes.reduce((sum: number, right) => sum + right, 0) / labelled.length,
    macroF1: macroF1(predicted, gold),
    ece: ece(confidences, outcomes)!,
    aurc: aurc(confidences, outcomes)!,
    coverage95: at95.coverage,
    coverage98: at98.coverage,
    oracleThreshold95: at95.threshold,
    oracleThreshold98: at98.threshold,
  };
}
