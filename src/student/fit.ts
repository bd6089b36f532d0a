import { fitClassifier } from './engine-classifier.ts';
import { fitExtractor } from './engine-extractor.ts';
import { fitMultilabel } from './engine-multilabel.ts';
import { fitScorer } from './engine-scorer.ts';
import { nearTwinShare } from './near-twins.ts';
import { interrupted } from './thread-fitter.ts';
import type { FitJob, Fitted, Fitter, StudentProgress } from './train-types.ts';
import type { StudentKind } from './types.ts';

type Engine = (job: FitJob, onProgress: (progress: StudentProgress) => void) => Generator<void, Fitted>;

const engines: Readonly<Record<StudentKind, Engine>> = {
  classifier: fitClassifier,
  multilabel: fitMultilabel,
  extractor: fitExtractor,
  scorer: fitScorer,
};

/** Fits a model of the job's kind a step at a time. Throws INPUT_INVALID for rows that nothing can be learnt from. */
export function* fitInSteps(job: FitJob, onProgress: (progress: StudentProgress) => void): Generator<void, Fitted> {
  const fitted = yield* engines[job.kind](job, onProgress);
  if (!job.findTwins) return fitted;
  yield;
  return { ...fitted, twinShare: nearTwinShare(job.rows.map(({ text }) => text)) };
}

/** Fits in this thread, letting the event loop turn between steps so that an interrupt is seen at once. */
export const fitHere: Fitter = async (job, { signal, onProgress }) => {
  const steps = fitInSteps(job, onProgress);
  for (;;) {
    const step = steps.next();
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw interrupted();
    if (step.done) return step.value;
  }
};
