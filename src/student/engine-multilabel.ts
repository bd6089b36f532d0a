import {
  MultilabelClassifier,
  type MultilabelPrediction,
  parseMultilabel,
  serialiseMultilabel,
  trainDenseMultilabelInSteps,
  trainMultilabelInSteps,
} from '../classifier/index.ts';
import { named } from './engine.ts';
import type { OpenModel } from './local-student.ts';
import type { FitJob, Fitted, StudentProgress } from './train-types.ts';
import type { StudentPrediction } from './types.ts';

/** Fits a classifier of any number of labels a step at a time. */
export function* fitMultilabel(job: FitJob, onProgress: (progress: StudentProgress) => void): Generator<void, Fitted> {
  const { rows, vectors, seed } = job;
  const { model, folds, heldOut } =
    vectors === null
      ? yield* trainMultilabelInSteps(
          rows.map(({ text, labels }) => ({ text, labels: labels ?? null })),
          { seed, onProgress },
        )
      : yield* trainDenseMultilabelInSteps(
          vectors.map((vector, i) => ({ vector, labels: rows[i]!.labels ?? null })),
          { seed, onProgress },
        );
  return {
    model: serialiseMultilabel(model, job.metadata),
    heldOut: heldOut.map(toPrediction),
    folds,
    labels: model.labels,
    features: model.linear.scales.length,
  };
}

/** The file of a classifier of any number of labels, ready to answer. Throws STUDENT_FILE_INVALID. */
export function openMultilabel(file: Uint8Array): OpenModel {
  const classifier = new MultilabelClassifier(parseMultilabel(file).model);
  return {
    predict: (input) => toPrediction(classifier.predict(input)),
    explain: (input, count) => {
      const { probabilities } = classifier.predict(input);
      const ranked = classifier.labels.map((label, k) => ({ label, probability: probabilities[k]! }));
      return {
        ranked: ranked.sort((a, b) => b.probability - a.probability).slice(0, count),
        reasons: classifier.explain(input, count).flatMap(({ answer, features }) => named(features, answer)),
      };
    },
  };
}

function toPrediction({ labels, confidence, inScope, outOfScope }: MultilabelPrediction): StudentPrediction {
  return { text: JSON.stringify(labels), labels, confidence, inScope, outOfScope };
}
