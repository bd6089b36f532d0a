import {
  parseScorer,
  type ScorePrediction,
  Scorer,
  serialiseScorer,
  trainDenseScorerInSteps,
  trainScorerInSteps,
} from '../classifier/index.ts';
import { named } from './engine.ts';
import type { OpenModel } from './local-student.ts';
import type { FitJob, Fitted, StudentProgress } from './train-types.ts';
import type { StudentPrediction } from './types.ts';

/** Fits a scorer a step at a time: ordinal for few whole numbers, else real. */
export function* fitScorer(job: FitJob, onProgress: (progress: StudentProgress) => void): Generator<void, Fitted> {
  const { rows, vectors, seed } = job;
  const { model, folds, heldOut } =
    vectors === null
      ? yield* trainScorerInSteps(
          rows.map(({ text, value }) => ({ text, value: value ?? null })),
          { seed, onProgress },
        )
      : yield* trainDenseScorerInSteps(
          vectors.map((vector, i) => ({ vector, value: rows[i]!.value ?? null })),
          { seed, onProgress },
        );
  return {
    model: serialiseScorer(model, job.metadata),
    heldOut: heldOut.map(toPrediction),
    folds,
    labels: (model.ordinal?.levels ?? []).map(String),
    features: model.linear.scales.length,
    tolerance: model.tolerance,
  };
}

/** A scorer's file, ready to answer. Throws STUDENT_FILE_INVALID. */
export function openScorer(file: Uint8Array): OpenModel {
  const scorer = new Scorer(parseScorer(file).model);
  return {
    predict: (input) => toPrediction(scorer.predict(input)),
    explain: (input, count) => ({ ranked: [], reasons: named(scorer.explain(input, count).features) }),
  };
}

function toPrediction({ value, confidence, inScope, outOfScope }: ScorePrediction): StudentPrediction {
  // Six digits say more than any student knows.
  return { text: String(Number(value.toPrecision(6))), value, confidence, inScope, outOfScope };
}
