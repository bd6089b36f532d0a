import { SmallfirstError } from '../core/index.ts';
import { assignFolds, foldCount, splitFold } from './folds.ts';
import { fitClassifierCertain, type HeldOut, heldOutPredictions } from './held-out.ts';
import { quantise } from './linear-head.ts';
import { fitMixture, type Mixture } from './mixture.ts';
import type { ClassifierModel } from './model.ts';
import { type Network, type NetworkOptions, trainNetwork } from './network.ts';
import { NetworkRunner } from './network-runner.ts';
import { Progress, runToEnd } from './progress.ts';
import { type EncodedRows, LARGE_SET, type RowSource, TextSource, VectorSource } from './row-source.ts';
import { decision, type SolverOptions, trainOneVsRest } from './support-vectors.ts';
import { fitTemperature } from './temperature.ts';
import type { Dense, HeldOutPrediction, LabelledText, TrainingOptions } from './types.ts';
import type { SparseRows } from './weighting.ts';

/** Chosen by cross-validation on Banking77's training rows (accuracy .9100 with C = 1 for all rows, .9119 so). */
export const TEXT_SOLVER: Omit<SolverOptions, 'seed'> = { cost: 0.6, positiveCost: 2, passes: 8, tolerance: 0.3 };
/** For embeddings: dense vectors of length 1. */
export const VECTOR_SOLVER: Omit<SolverOptions, 'seed'> = { cost: 1, positiveCost: 4, passes: 30, tolerance: 0.1 };

/** Chosen by cross-validation on Banking77's training rows and CLINC150's validation rows. */
const NETWORK: Omit<NetworkOptions, 'seed'> = {
  units: 64,
  epochs: 14,
  learningRate: 0.15,
  featureDropout: 0.5,
  unitDropout: 0.3,
  smoothing: 0.1,
};

/** More different labels than this are free texts, not classes. */
export const MAX_LABELS = 2000;

/** A trained model and what cross-validation found, in the order of the rows, rows out of scope included. */
export interface TrainedClassifier {
  readonly model: ClassifierModel;
  readonly folds: number;
  readonly heldOut: readonly HeldOutPrediction[];
}

/**
 * Trains a text classifier: TF-IDF of word, character and pair features, one linear SVM per class (with a small network beside it in
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
  const source = new TextSource(
    rows.map((row) => row.text),
    (done) => progress.scan(done, rows.length),
  );
  const network = options.mode === 'quality' ? { ...NETWORK, seed: options.seed } : null;
  return yield* trainOn({ source, rows, labels, network, solver: { ...TEXT_SOLVER, seed: options.seed } }, options, progress);
}

/** The same over embeddings, in one mode. Throws INPUT_INVALID also for embeddings of different lengths. */
export function* trainDenseInSteps(rows: readonly Dense<LabelledText>[], options: TrainingOptions): Generator<void, TrainedClassifier> {
  const labels = labelsOf(rows);
  const source = new VectorSource(rows.map((row) => row.vector));
  const solver = { ...VECTOR_SOLVER, seed: options.seed };
  return yield* trainOn({ source, rows, labels, network: null, solver }, options, new Progress(options.onProgress));
}

interface Problem {
  readonly source: RowSource;
  readonly rows: readonly { readonly label: string | null }[];
  readonly labels: readonly string[];
  readonly network: NetworkOptions | null;
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

function* trainOn(problem: Problem, options: TrainingOptions, progress: Progress): Generator<void, TrainedClassifier> {
  const { source, rows, labels } = problem;
  const distinct = new Set(source.keys).size;
  if (distinct < 2) throw new SmallfirstError('INPUT_INVALID', 'every row has the same text: there is nothing to learn from');
  const classOf = new Map(labels.map((label, index) => [label, index]));
  const gold = Int32Array.from(rows, ({ label }) => (label === null ? -1 : classOf.get(label)!));
  const folds = foldCount(rows.length, distinct, LARGE_SET, options.folds);
  const strata = rows.map(({ label }) => (label === null ? '' : `=${label}`));
  const foldOf = assignFolds(source.keys, strata, folds, options.seed);
  const held = yield* crossValidate(problem, gold, foldOf, (share) => progress.crossValidate(share));
  const mixture = problem.network ? fitMixture(held.linear, held.network, gold, labels.length) : temperatureOnly(held, gold);
  const certain = fitClassifierCertain(held, gold, mixture);
  const model = yield* fitAll(problem, gold, { mixture, certain }, (share) => progress.fit(share));
  return { model, folds, heldOut: heldOutPredictions(held, labels, mixture, certain) };
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
  const folds = Math.max(...foldOf) + 1;
  const linear = new Float32Array(gold.length * classes);
  const network = new Float32Array(problem.network ? linear.length : 0);
  const novelty: Float64Array[] = [];
  const blocks: Int32Array[] = [];
  let noveltyWithoutClass: Float64Array[] = [];
  const linearShare = problem.network ? 0.4 : 1;
  for (let fold = 0; fold < folds; fold += 1) {
    const { training, heldOut } = splitFold(foldOf, fold);
    const encoded = source.encode(training, heldOut, gold);
    const own = training.map((row) => gold[row]!);
    for (const { label, weights, bias } of trainOneVsRest(encoded.training, classes, (row, k) => own[row] === k, problem.solver)) {
      for (let i = 0; i < heldOut.length; i += 1) linear[heldOut[i]! * classes + label] = decision(encoded.others, i, weights, bias);
      onShare((fold + (linearShare * (label + 1)) / classes) / folds);
      yield;
    }
    if (problem.network) {
      const trained = yield* networkSteps(encoded.training, own, classes, problem.network, (share) =>
        onShare((fold + linearShare + (1 - linearShare) * share) / folds),
      );
      runNetwork(trained, encoded, heldOut, network);
    }
    blocks.push(heldOut);
    novelty.push(encoded.novelty);
    noveltyWithoutClass = [...noveltyWithoutClass, encoded.noveltyWithoutClass];
  }
  return {
    classes,
    linear,
    network,
    novelty: inOrder(gold.length, blocks, novelty),
    noveltyWithoutClass: inOrder(gold.length, blocks, noveltyWithoutClass),
  };
}

function* networkSteps(
  x: SparseRows,
  gold: Int32Array,
  classes: number,
  options: NetworkOptions,
  onShare: (share: number) => void,
): Generator<void, Network> {
  const steps = trainNetwork(x, gold, classes, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    onShare(step.value);
    yield;
  }
}

function runNetwork(network: Network, { others }: EncodedRows, heldOut: Int32Array, into: Float32Array): void {
  const runner = new NetworkRunner(network);
  for (let i = 0; i < heldOut.length; i += 1) {
    const from = others.offsets[i]!;
    const to = others.offsets[i + 1]!;
    const scores = runner.run({ indices: others.indices.subarray(from, to), values: others.values.subarray(from, to), size: to - from });
    into.set(scores, heldOut[i]! * scores.length);
  }
}

/** Puts what was said fold by fold back into the order of the rows. */
function inOrder(rows: number, blocks: readonly Int32Array[], parts: readonly Float64Array[]): Float64Array {
  const width = blocks.length > 0 && blocks[0]!.length > 0 ? parts[0]!.length / blocks[0]!.length : 0;
  const all = new Float64Array(rows * width);
  blocks.forEach((block, fold) => {
    for (let i = 0; i < block.length; i += 1) all.set(parts[fold]!.subarray(i * width, (i + 1) * width), block[i]! * width);
  });
  return all;
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
  const { encoding, training } = source.encode(every, new Int32Array(0), gold);
  const dense = new Float32Array(training.columns * classes);
  const biases = new Float32Array(classes);
  const linearShare = problem.network ? 0.4 : 1;
  for (const { label, weights, bias } of trainOneVsRest(training, classes, (row, k) => gold[row] === k, problem.solver)) {
    for (let feature = 0; feature < training.columns; feature += 1) dense[feature * classes + label] = weights[feature]!;
    biases[label] = bias;
    onShare((linearShare * (label + 1)) / classes);
    yield;
  }
  const network = problem.network
    ? yield* networkSteps(training, gold, classes, problem.network, (share) => onShare(linearShare + (1 - linearShare) * share))
    : null;
  onShare(1);
  return { encoding, labels, linear: quantise(dense, biases), network, ...calibration };
}
