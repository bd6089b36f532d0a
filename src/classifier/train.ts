import { SmallfirstError } from '../core/index.ts';
import { CommitteeRunner, trainCommittee } from './committee.ts';
import { scatter } from './cross-validation.ts';
import { BLOCKS } from './feature-scanner.ts';
import { assignFolds, foldCount, splitFold } from './folds.ts';
import { bestOf, fitClassifierCertain, type HeldOut, heldOutPredictions } from './held-out.ts';
import { quantise } from './linear-head.ts';
import { fitMixture, type Mixture } from './mixture.ts';
import type { ClassifierModel } from './model.ts';
import type { Network } from './network.ts';
import { Progress, runToEnd } from './progress.ts';
import { type EncodedRows, LARGE_SET, type RowSource, TextSource, VectorSource } from './row-source.ts';
import { decision, type SolverOptions, trainOneVsRest } from './support-vectors.ts';
import { fitTemperature } from './temperature.ts';
import type { Dense, HeldOutPrediction, LabelledText, TrainingOptions } from './types.ts';

/** Chosen by cross-validation on Banking77's training rows (accuracy .9100 with C = 1 for all rows, .9119 so). */
export const TEXT_SOLVER: Omit<SolverOptions, 'seed'> = { cost: 0.6, positiveCost: 2, passes: 8, tolerance: 0.3 };
/** For embeddings: dense vectors of length 1. */
export const VECTOR_SOLVER: Omit<SolverOptions, 'seed'> = { cost: 1, positiveCost: 4, passes: 30, tolerance: 0.1 };

/** Share of a training in quality mode that goes to the linear model, about. */
const LINEAR_SHARE = 0.4;

/** Of a large set's folds: enough for calibration (accuracy .001 lower), and a quarter of the time less. */
const FOLD_PASSES = 5;

/** With fewer, labels' names are learnt from too where folds say that they help: worth 1.7 points at 10 rows a label, .6 at 20. */
const FEW_ROWS_A_LABEL = 25;

/** More different labels than this are free texts, not classes. */
export const MAX_LABELS = 2000;

/** A trained model and what cross-validation found, in the order of the rows, rows out of scope included. */
export interface TrainedClassifier {
  readonly model: ClassifierModel;
  readonly folds: number;
  readonly heldOut: readonly HeldOutPrediction[];
}

/**
 * Trains a text classifier: TF-IDF of word, character and pair features, one linear SVM per class (with three small networks beside them in
 * quality mode), temperature, scope and confidence fitted on held-out folds. A class with a single row counts as wrong when that row is
 * held out, which makes the confidence cautious. Throws INPUT_INVALID for fewer than two or more than MAX_LABELS labels, and for fewer
 * than two different texts.
 */
export function trainClassifier(rows: readonly LabelledText[], options: TrainingOptions): TrainedClassifier {
  return runToEnd(trainInSteps(rows, options));
}

/** The same training a step at a time, each a class of a fold at most: between steps a caller may look at the clock, or stop. */
export function* trainInSteps(rows: readonly LabelledText[], options: TrainingOptions): Generator<void, TrainedClassifier> {
  const labels = labelsOf(rows);
  const progress = new Progress(options.onProgress);
  const texts = rows.map((row) => row.text);
  const source = new TextSource(texts, (done) => progress.scan(done, rows.length));
  const plain: Problem = {
    source,
    rows,
    counted: rows.length,
    labels,
    hasCommittee: options.mode === 'quality',
    solver: { ...TEXT_SOLVER, seed: options.seed },
  };
  const names = rows.length < FEW_ROWS_A_LABEL * labels.length ? nameRows(labels) : [];
  if (names.length === 0) return yield* trainOn([plain], options, progress);
  const named = { ...plain, source: new TextSource([...texts, ...names.map((row) => row.text)]), rows: [...rows, ...names] };
  return yield* trainOn([named, plain], options, progress);
}

/** The same over embeddings, in one mode. Throws INPUT_INVALID also for embeddings of different lengths. */
export function* trainDenseInSteps(rows: readonly Dense<LabelledText>[], options: TrainingOptions): Generator<void, TrainedClassifier> {
  const labels = labelsOf(rows);
  const source = new VectorSource(rows.map((row) => row.vector));
  const solver = { ...VECTOR_SOLVER, seed: options.seed };
  return yield* trainOn(
    [{ source, rows, counted: rows.length, labels, hasCommittee: false, solver }],
    options,
    new Progress(options.onProgress),
  );
}

interface Problem {
  readonly source: RowSource;
  /** The first `counted` rows were given; those after them are only ever learnt from. */
  readonly rows: readonly { readonly label: string | null }[];
  readonly counted: number;
  readonly labels: readonly string[];
  readonly hasCommittee: boolean;
  readonly solver: SolverOptions;
}

function labelsOf(rows: readonly { readonly label: string | null }[]): readonly string[] {
  const labels = [...new Set(rows.map((row) => row.label))].filter((label) => label !== null).sort((a, b) => (a < b ? -1 : 1));
  if (labels.length < 2)
    throw new SmallfirstError(
      'INPUT_INVALID',
      labels.length === 0
        ? 'there are no rows to train from'
        : `every row has the label ${JSON.stringify(labels[0])}: a classifier needs at least two labels`,
    );
  if (labels.length > MAX_LABELS)
    throw new SmallfirstError('INPUT_INVALID', `there are ${labels.length} different labels; a classifier takes at most ${MAX_LABELS}`);
  return labels;
}

/** A label's name in words is an example of it. */
function nameRows(labels: readonly string[]): LabelledText[] {
  return labels.flatMap((label) => {
    const text = label
      .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim();
    return /\p{L}{3}/u.test(text) ? [{ text, label }] : [];
  });
}

/** Cross-validates each problem over the same folds and trains the one with the best accuracy, the first of equals. */
function* trainOn(problems: readonly Problem[], options: TrainingOptions, progress: Progress): Generator<void, TrainedClassifier> {
  const { labels, counted } = problems[0]!;
  const keys = problems[0]!.source.keys.slice(0, counted);
  const distinct = new Set(keys).size;
  if (distinct < 2) throw new SmallfirstError('INPUT_INVALID', 'every row has the same text: there is nothing to learn from');
  const classOf = new Map(labels.map((label, index) => [label, index]));
  const folds = foldCount(counted, distinct, LARGE_SET, options.folds);
  const strata = problems[0]!.rows.slice(0, counted).map(({ label }) => (label === null ? '' : `=${label}`));
  const givenFolds = assignFolds(keys, strata, folds, options.seed);
  let best: { readonly problem: Problem; readonly gold: Int32Array; readonly held: HeldOut; readonly right: number } | null = null;
  for (const [at, problem] of problems.entries()) {
    const gold = Int32Array.from(problem.rows, ({ label }) => (label === null ? -1 : classOf.get(label)!));
    // Fold −1 is never held out.
    const foldOf = new Int32Array(gold.length).fill(-1);
    foldOf.set(givenFolds);
    const held = yield* crossValidate(problem, gold, foldOf, (share) => progress.crossValidate((at + share) / problems.length));
    const right = countRight(held, gold);
    if (!best || right > best.right) best = { problem, gold, held, right };
  }
  const { problem, gold, held } = best!;
  const given = gold.subarray(0, counted);
  const mixture = problem.hasCommittee ? fitMixture(held, given) : temperatureOnly(held, given);
  const certain = fitClassifierCertain(held, given, mixture);
  const model = yield* fitAll(problem, gold, { mixture, certain }, (share) => progress.fit(share));
  return { model, folds, heldOut: heldOutPredictions(held, labels, mixture, certain) };
}

/** Held-out rows that the linear model labels right. */
function countRight(held: HeldOut, gold: Int32Array): number {
  let right = 0;
  for (let row = 0; row * held.classes < held.linear.length; row += 1)
    if (bestOf(held, row * held.classes, { linear: 1, network: 0 }).k === gold[row]) right += 1;
  return right;
}

function temperatureOnly(held: HeldOut, gold: Int32Array): Mixture {
  return { linear: 1 / fitTemperature({ classes: held.classes, margins: held.linear, gold }), network: 0 };
}

/** Vocabulary and weighting are learnt anew in each fold. */
function* crossValidate(
  problem: Problem,
  gold: Int32Array,
  foldOf: Int32Array,
  onShare: (share: number) => void,
): Generator<void, HeldOut> {
  const { source, labels } = problem;
  const classes = labels.length;
  const folds = foldOf.reduce((most, fold) => Math.max(most, fold), 0) + 1;
  const linear = new Float32Array(problem.counted * classes);
  const network = problem.hasCommittee ? new Float32Array(linear.length) : null;
  const novelty = new Float64Array(problem.counted * BLOCKS.length);
  const noveltyWithoutClass = new Float64Array(novelty.length);
  const linearShare = problem.hasCommittee ? LINEAR_SHARE : 1;
  const solver = gold.length < LARGE_SET ? problem.solver : { ...problem.solver, passes: Math.min(FOLD_PASSES, problem.solver.passes) };
  for (let fold = 0; fold < folds; fold += 1) {
    const { training, heldOut } = splitFold(foldOf, fold);
    const encoded = source.encode(training, heldOut, gold);
    const own = training.map((row) => gold[row]!);
    for (const { label, weights, bias } of trainOneVsRest(encoded.training, classes, (row, k) => own[row] === k, solver)) {
      for (let i = 0; i < heldOut.length; i += 1) linear[heldOut[i]! * classes + label] = decision(encoded.others, i, weights, bias);
      onShare((fold + (linearShare * (label + 1)) / classes) / folds);
      yield;
    }
    if (network) {
      const networks = yield* committeeSteps(problem, encoded, own, (share) =>
        onShare((fold + linearShare + (1 - linearShare) * share) / folds),
      );
      runCommittee(networks, encoded, heldOut, network);
    }
    scatter(encoded.novelty, heldOut, novelty);
    scatter(encoded.noveltyWithoutClass, heldOut, noveltyWithoutClass);
  }
  return { classes, linear, network, novelty, noveltyWithoutClass };
}

function* committeeSteps(
  { labels, solver }: Problem,
  { training, blockOf }: EncodedRows,
  gold: Int32Array,
  onShare: (share: number) => void,
): Generator<void, Network[]> {
  return blockOf ? yield* trainCommittee(training, blockOf, { gold, classes: labels.length, seed: solver.seed }, onShare) : [];
}

function runCommittee(networks: readonly Network[], { others }: EncodedRows, heldOut: Int32Array, into: Float32Array): void {
  const runner = new CommitteeRunner(networks);
  for (let i = 0; i < heldOut.length; i += 1) {
    const from = others.offsets[i]!;
    const to = others.offsets[i + 1]!;
    const scores = runner.run({ indices: others.indices.subarray(from, to), values: others.values.subarray(from, to), size: to - from });
    into.set(scores, heldOut[i]! * scores.length);
  }
}

function* fitAll(
  problem: Problem,
  gold: Int32Array,
  calibration: Pick<ClassifierModel, 'mixture' | 'certain'>,
  onShare: (share: number) => void,
): Generator<void, ClassifierModel> {
  const { source, labels } = problem;
  const classes = labels.length;
  const every = Int32Array.from({ length: source.rows }, (_, row) => row);
  const encoded = source.encode(every, new Int32Array(0), gold);
  const { encoding, training } = encoded;
  const dense = new Float32Array(training.columns * classes);
  const biases = new Float32Array(classes);
  const linearShare = problem.hasCommittee ? LINEAR_SHARE : 1;
  for (const { label, weights, bias } of trainOneVsRest(training, classes, (row, k) => gold[row] === k, problem.solver)) {
    for (let feature = 0; feature < training.columns; feature += 1) dense[feature * classes + label] = weights[feature]!;
    biases[label] = bias;
    onShare((linearShare * (label + 1)) / classes);
    yield;
  }
  const networks = problem.hasCommittee
    ? yield* committeeSteps(problem, encoded, gold, (share) => onShare(linearShare + (1 - linearShare) * share))
    : [];
  onShare(1);
  return { encoding, labels, linear: quantise(dense, biases), networks, ...calibration };
}
