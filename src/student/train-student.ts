import {
  checksumOf,
  type HeldOutPrediction,
  type LabelledText,
  serialiseClassifier,
  type TrainedClassifier,
  trainInSteps,
} from '../classifier/index.ts';
import { aurc, ece } from '../confidence/index.ts';
import { contentHash, type Json, SmallfirstError } from '../core/index.ts';
import { macroF1 } from './macro-f1.ts';
import { checkReplaceable, MODEL_FILE, saveStudent } from './student-folder.ts';
import type { CrossValidation, StudentCard, TrainingRow, TrainStudentOptions } from './types.ts';

/** A written student and, in the order of the rows, what was said about each while it was held out. */
export interface TrainedStudent {
  readonly card: StudentCard;
  readonly heldOut: readonly HeldOutPrediction[];
}

/** Trains a classifier, cross-validates it, and writes its folder whole or not at all. Throws INPUT_INVALID, USAGE or ABORTED. */
export async function trainStudent(options: TrainStudentOptions): Promise<TrainedStudent> {
  const { outDir, seed, clock } = options;
  const rows = labelled(options.rows);
  await checkReplaceable(outDir);
  const startedAt = clock.monotonic();
  const trained = await train(options, rows);
  const crossValidation = validationFigures(rows, trained.heldOut, trained.folds);
  const trainingSeconds = (clock.monotonic() - startedAt) / 1000;
  const about = {
    created: new Date(clock.now()).toISOString(),
    seed,
    rows: rows.length,
    classes: trained.model.labels.length,
    dataHash: contentHash(rows.map(({ text, label }): Json => ({ text, label }))),
  };
  const model = serialiseClassifier(trained.model, { ...about, accuracy: crossValidation.accuracy });
  const card: StudentCard = {
    format: 'smallfirst-student',
    version: 1,
    kind: 'classifier',
    ...about,
    labels: trained.model.labels,
    temperature: trained.model.temperature,
    features: trained.model.hashes.length,
    crossValidation,
    trainingSeconds,
    model: { file: MODEL_FILE, bytes: model.length, sha256: checksumOf(model) },
  };
  await saveStudent(outDir, card, model);
  return { card, heldOut: trained.heldOut };
}

/** Lets the event loop turn between the steps of a training, so that an interrupt is seen at once. */
async function train({ seed, signal, onProgress }: TrainStudentOptions, rows: readonly LabelledText[]): Promise<TrainedClassifier> {
  const steps = trainInSteps(rows, { seed, ...(onProgress ? { onProgress } : {}) });
  for (;;) {
    const step = steps.next();
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw new SmallfirstError('ABORTED', 'training was interrupted; nothing was written');
    if (step.done) return step.value;
  }
}

function validationFigures(rows: readonly LabelledText[], heldOut: readonly HeldOutPrediction[], folds: number): CrossValidation {
  const outcomes = rows.map((row, index) => (heldOut[index]!.label === row.label ? 1 : 0));
  const scaled = heldOut.map((row) => row.probability);
  return {
    folds,
    rows: rows.length,
    accuracy: outcomes.reduce((sum: number, right) => sum + right, 0) / rows.length,
    macroF1: macroF1(
      heldOut.map((row) => row.label),
      rows.map((row) => row.label),
    ),
    ece: ece(scaled, outcomes)!,
    eceUnscaled: ece(
      heldOut.map((row) => row.unscaledProbability),
      outcomes,
    )!,
    aurc: aurc(scaled, outcomes)!,
  };
}

function labelled(rows: readonly TrainingRow[]): LabelledText[] {
  return rows.map(({ text, label }) => {
    if (typeof label === 'string') return { text, label };
    throw new SmallfirstError('INPUT_INVALID', 'a classifier is trained from rows with a label');
  });
}
