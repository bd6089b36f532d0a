import { Classifier, type Prediction, parseClassifier, serialiseClassifier, trainDenseInSteps, trainInSteps } from '../classifier/index.ts';
import { named } from './engine.ts';
import type { OpenModel } from './local-student.ts';
import type { FitJob, Fitted, StudentProgress } from './train-types.ts';
import type { StudentPrediction } from './types.ts';

/** Fits a classifier a step at a time. */
export function* fitClassifier(job: FitJob, onProgress: (progress: StudentProgress) => void): Generator<void, Fitted> {
  const { rows, vectors, seed, mode } = job;
  const labelOf = (i: number): string | null => rows[i]!.label ?? null;
  const trained =
    vectors === null
      ? yield* trainInSteps(
          rows.map(({ text }, i) => ({ text, label: labelOf(i) })),
          { seed, mode, onProgress },
        )
      : yield* trainDenseInSteps(
          vectors.map((vector, i) => ({ vector, label: labelOf(i) })),
          { seed, onProgress },
        );
  const { model, folds, heldOut } = trained;
  return {
    model: serialiseClassifier(model, job.metadata),
    heldOut: heldOut.map(toPrediction),
    folds,
    labels: model.labels,
    features: model.linear.scales.length,
    temperature: 1 / model.mixture.linear,
    unscaled: heldOut.map(({ unscaledProbability }) => unscaledProbability),
  };
}

/** A classifier's file, ready to answer. Throws STUDENT_FILE_INVALID. */
export function openClassifier(file: Uint8Array): OpenModel {
  const classifier = new Classifier(parseClassifier(file).model);
  return {
    predict: (input) => toPrediction(classifier.predict(input)),
    explain: (input, count) => {
      const { answer, features } = classifier.explain(input, count);
      return { ranked: classifier.rank(input, count), reasons: named(features, answer) };
    },
  };
}

function toPrediction({ label, confidence, inScope, outOfScope }: Prediction): StudentPrediction {
  return { text: label, label, confidence, inScope, outOfScope };
}
