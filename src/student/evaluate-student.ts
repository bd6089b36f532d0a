import type { Clock } from '../core/index.ts';
import { quantileSorted } from '../statistics/index.ts';
import { scaleOf } from './scale.ts';
import { hasGold, type StudentScores, scorePredictions } from './scores.ts';
import type { PredictionRow, Student, StudentPrediction } from './types.ts';

/** Predictions for every row in order, scores where gold is known, and time per prediction in microseconds. */
export interface StudentEvaluation {
  readonly n: number;
  /** Rows with a gold answer; one that the student does not know, or null, makes the row out of scope. */
  readonly labelled: number;
  /** Null without any gold answer. */
  readonly scores: StudentScores | null;
  /** Null for a student over embeddings, whose time is its endpoint's. */
  readonly latencyUs: { readonly p50: number; readonly p99: number } | null;
  /** Tokens that an endpoint counted in all; null where none was called, or it did not say. */
  readonly inputTokens: number | null;
  readonly predictions: readonly StudentPrediction[];
}

/** Rows answered once beforehand, so that the compiler's warm-up is not measured. */
const WARM_UP = 2000;

/** Answers every row and scores the answers; a student over texts is timed row by row. Rejects with what an endpoint's call throws. */
export async function evaluateStudent(
  student: Student,
  rows: readonly PredictionRow[],
  clock: Clock,
  signal: AbortSignal | null = null,
): Promise<StudentEvaluation> {
  const isLocal = student.card.embeddings === null;
  const { predictions, latencyUs } = isLocal
    ? timed(student, rows, clock)
    : {
        predictions: await student.answerAll(
          rows.map(({ text }) => text),
          signal,
        ),
        latencyUs: null,
      };
  const labelled = [...rows.keys()].filter((index) => hasGold(rows[index]!, student.card.kind));
  const counted = predictions.map(({ inputTokens }) => inputTokens);
  return {
    n: rows.length,
    labelled: labelled.length,
    scores:
      labelled.length === 0
        ? null
        : scorePredictions(
            labelled.map((index) => rows[index]!),
            labelled.map((index) => predictions[index]!),
            scaleOf(student.card),
          ),
    latencyUs,
    inputTokens: counted.includes(undefined) ? null : Math.round(counted.reduce((sum: number, tokens) => sum + (tokens ?? 0), 0)),
    predictions,
  };
}

function timed(student: Student, rows: readonly PredictionRow[], clock: Clock) {
  for (const row of rows.slice(0, WARM_UP)) student.predict(row.text);
  const micros = new Float64Array(rows.length);
  const predictions = rows.map((row, index) => {
    const startedAt = clock.monotonic();
    const prediction = student.predict(row.text);
    micros[index] = (clock.monotonic() - startedAt) * 1000;
    return prediction;
  });
  micros.sort();
  return { predictions, latencyUs: { p50: quantileSorted(micros, 0.5), p99: quantileSorted(micros, 0.99) } };
}
