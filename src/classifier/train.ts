import { SmallfirstError } from '../core/index.ts';
import { softmaxAt } from './classifier.ts';
import { buildCorpus, type Corpus } from './corpus.ts';
import { assignFolds, distinctTexts } from './folds.ts';
import { type ClassifierModel, quantiseRow } from './model.ts';
import { decision, type SolverOptions, trainOneVsRest } from './support-vectors.ts';
import { fitTemperature, type HeldOutMargins } from './temperature.ts';
import type { HeldOutPrediction, LabelledText, TrainingOptions, TrainingProgress } from './types.ts';
import { BLOCK_WEIGHTS, fitWeighting, type Weighting, weighRows } from './weighting.ts';

/**
 * From so many rows on, models of two thirds of them are close enough to the whole for the temperature, in half the time; and features
 * that stand in one row only are dropped, which halves the file. Below, they are worth 0.2 to 1.4 points (50 to 5 rows a class).
 */
const LARGE_SET = 5000;
/** Chosen by cross-validation on Banking77's training rows (accuracy .9100 with C = 1 for all rows, .9119 so). */
const SOLVER: Omit<SolverOptions, 'seed'> = { cost: 0.6, positiveCost: 2, passes: 8, tolerance: 0.3 };

/** More different labels than this are free texts, not classes. */
export const MAX_LABELS = 2000;

/** A trained model and what cross-validation found, in the order of the rows. */
export interface TrainedClassifier {
  readonly model: ClassifierModel;
  readonly folds: number;
  readonly heldOut: readonly HeldOutPrediction[];
}

/**
 * Trains a text classifier: TF-IDF of word, character and pair features, one linear SVM per class, temperature fitted on
 * held-out folds. A class with a single row counts as wrong when that row is held out, which makes the confidence cautious.
 * Throws INPUT_INVALID for fewer than two or more than MAX_LABELS labels, and for fewer than two different texts.
 */
export function trainClassifier(rows: readonly LabelledText[], options: TrainingOptions): TrainedClassifier {
  const steps = trainInSteps(rows, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same training a step at a time, each a class of a fold: between steps a caller may look at the clock, or stop. */
export function* trainInSteps(rows: readonly LabelledText[], options: TrainingOptions): Generator<void, TrainedClassifier> {
  const labels = [...new Set(rows.map((row) => row.label))].sort((a, b) => (a < b ? -1 : 1));
  if (labels.length < 2)
    throw new SmallfirstError(
      'INPUT_INVALID',
      labels.length === 0
        ? 'there are no rows to train from'
        : `every row has the label ${JSON.stringify(labels[0])}: a classifier needs at least two labels`,
    );
  if (labels.length > MAX_LABELS)
    throw new SmallfirstError('INPUT_INVALID', `there are ${labels.length} different labels; a classifier takes at most ${MAX_LABELS}`);
  const distinct = distinctTexts(rows);
  if (distinct < 2) throw new SmallfirstError('INPUT_INVALID', 'every row has the same text: there is nothing to learn from');
  const progress = new Progress(options.onProgress, rows.length, labels.length);
  const classOf = new Map(labels.map((label, index) => [label, index]));
  const problem: Problem = {
    corpus: buildCorpus(
      rows.map((row) => row.text),
      (done) => progress.scan(done),
    ),
    gold: Int32Array.from(rows, (row) => classOf.get(row.label)!),
    labels,
    minDocuments: rows.length < LARGE_SET ? 1 : 2,
    solver: { ...SOLVER, seed: options.seed },
  };
  const folds = Math.max(2, Math.min(options.folds ?? (rows.length < LARGE_SET ? 5 : 3), distinct));
  const held = yield* crossValidate(problem, assignFolds(rows, folds, options.seed), folds, (share) => progress.crossValidate(share));
  const temperature = fitTemperature(held);
  const model = yield* fitAll(problem, temperature, (done) => progress.fit(done));
  return { model, folds, heldOut: rows.map((_, row) => heldOutPrediction(held, row, labels, temperature)) };
}

interface Problem {
  readonly corpus: Corpus;
  readonly gold: Int32Array;
  readonly labels: readonly string[];
  readonly minDocuments: number;
  readonly solver: SolverOptions;
}

/** Margins of every row by the model of the folds it is not in. Vocabulary and weighting are learnt anew in each fold. */
function* crossValidate(
  problem: Problem,
  foldOf: Int32Array,
  folds: number,
  onShare: (share: number) => void,
): Generator<void, HeldOutMargins> {
  const classes = problem.labels.length;
  const margins = new Float32Array(problem.gold.length * classes);
  for (let fold = 0; fold < folds; fold += 1) {
    const training = select(foldOf, (of) => of !== fold);
    const heldOut = select(foldOf, (of) => of === fold);
    const weighting = fitWeighting(problem.corpus, training, problem.minDocuments);
    const x = weighRows(problem.corpus, training, weighting);
    const unseen = weighRows(problem.corpus, heldOut, weighting);
    const gold = training.map((row) => problem.gold[row]!);
    for (const { label, weights, bias } of trainOneVsRest(x, gold, classes, problem.solver)) {
      for (let i = 0; i < heldOut.length; i += 1) margins[heldOut[i]! * classes + label] = decision(unseen, i, weights, bias);
      onShare((fold + (label + 1) / classes) / folds);
      yield;
    }
  }
  return { classes, margins, gold: problem.gold };
}

function* fitAll(problem: Problem, temperature: number, onClass: (done: number) => void): Generator<void, ClassifierModel> {
  const { corpus, labels } = problem;
  const every = Int32Array.from({ length: corpus.documents }, (_, row) => row);
  const weighting = fitWeighting(corpus, every, problem.minDocuments);
  const x = weighRows(corpus, every, weighting);
  const classes = labels.length;
  const features = weighting.hashes.length;
  const dense = new Float32Array(features * classes);
  const biases = new Float32Array(classes);
  for (const { label, weights, bias } of trainOneVsRest(x, problem.gold, classes, problem.solver)) {
    for (let feature = 0; feature < features; feature += 1) dense[feature * classes + label] = weights[feature]!;
    biases[label] = bias;
    onClass(label + 1);
    yield;
  }
  return quantised(weighting, dense, biases, { labels, temperature });
}

function quantised(
  weighting: Weighting,
  dense: Float32Array,
  biases: Float32Array,
  rest: { readonly labels: readonly string[]; readonly temperature: number },
): ClassifierModel {
  const classes = biases.length;
  const weights = new Int8Array(dense.length);
  const scales = new Float32Array(weighting.hashes.length);
  for (let feature = 0; feature < scales.length; feature += 1) {
    const at = feature * classes;
    scales[feature] = quantiseRow(dense.subarray(at, at + classes), weights, at);
  }
  return { ...rest, hashes: weighting.hashes, idf: weighting.idf, weights, scales, biases, blockWeights: BLOCK_WEIGHTS };
}

function heldOutPrediction(held: HeldOutMargins, row: number, labels: readonly string[], temperature: number): HeldOutPrediction {
  const from = row * held.classes;
  let best = 0;
  let second = Number.NEGATIVE_INFINITY;
  for (let k = 1; k < held.classes; k += 1) {
    const value = held.margins[from + k]!;
    if (value > held.margins[from + best]!) {
      second = held.margins[from + best]!;
      best = k;
    } else if (value > second) second = value;
  }
  return {
    label: labels[best]!,
    probability: softmaxAt(held.margins, from, held.classes, best, temperature),
    unscaledProbability: softmaxAt(held.margins, from, held.classes, best, 1),
    margin: held.margins[from + best]! - second,
  };
}

function select(foldOf: Int32Array, keep: (fold: number) => boolean): Int32Array {
  const rows: number[] = [];
  for (let row = 0; row < foldOf.length; row += 1) if (keep(foldOf[row]!)) rows.push(row);
  return Int32Array.from(rows);
}

/** Reports each phase in units that people see move: texts, percent, classes. */
class Progress {
  readonly #report: ((progress: TrainingProgress) => void) | undefined;
  readonly #rows: number;
  readonly #classes: number;

  constructor(report: ((progress: TrainingProgress) => void) | undefined, rows: number, classes: number) {
    this.#report = report;
    this.#rows = rows;
    this.#classes = classes;
  }

  scan(done: number): void {
    this.#report?.({ phase: 'scan', done, total: this.#rows });
  }

  crossValidate(share: number): void {
    this.#report?.({ phase: 'cross-validate', done: Math.round(share * 100), total: 100 });
  }

  fit(done: number): void {
    this.#report?.({ phase: 'fit', done, total: this.#classes });
  }
}
