import { SmallfirstError } from '../core/index.ts';
import { crossValidateLinear, fitLinear, type HeldOutDecisions, membershipProblem } from './cross-validation.ts';
import { BLOCKS } from './feature-scanner.ts';
import { assignFolds, foldCount } from './folds.ts';
import { fitLogistic, type Logistic, sigmoid } from './logistic.ts';
import { answerSet, type MultilabelModel, type SetAnswer } from './multilabel.ts';
import { Progress, runToEnd } from './progress.ts';
import { LARGE_SET, type RowSource, TextSource, VectorSource } from './row-source.ts';
import { addScopeRow, type Certain, certaintyOf, diluted, dilutionOf, ENOUGH_OUTSIDE, fitCertain, scopeRows } from './scope.ts';
import type { SolverOptions } from './support-vectors.ts';
import { bestF1Threshold, FEWEST_POSITIVES } from './thresholds.ts';
import { MAX_LABELS, TEXT_SOLVER, VECTOR_SOLVER } from './train.ts';
import type { Dense, MultilabelPrediction, MultilabelText, TrainingOptions } from './types.ts';

const B = BLOCKS.length;

/** A trained model and what cross-validation found, in the order of the rows, rows out of scope included. */
export interface TrainedMultilabel {
  readonly model: MultilabelModel;
  readonly folds: number;
  readonly heldOut: readonly MultilabelPrediction[];
}

/** Trains to the end. See trainMultilabelInSteps. */
export function trainMultilabel(rows: readonly MultilabelText[], options: TrainingOptions): TrainedMultilabel {
  return runToEnd(trainMultilabelInSteps(rows, options));
}

/**
 * One linear SVM per label, each with its own calibration and its own threshold (best F1), fitted on held-out folds. Throws INPUT_INVALID when
 * no row has a label, for more than MAX_LABELS labels, and for fewer than two different texts.
 */
export function* trainMultilabelInSteps(rows: readonly MultilabelText[], options: TrainingOptions): Generator<void, TrainedMultilabel> {
  const progress = new Progress(options.onProgress);
  const source = new TextSource(
    rows.map((row) => row.text),
    (done) => progress.scan(done, rows.length),
  );
  return yield* trainOn(source, rows, { ...TEXT_SOLVER, seed: options.seed }, options, progress);
}

/** The same over embeddings. Throws INPUT_INVALID also for embeddings of different lengths. */
export function* trainDenseMultilabelInSteps(
  rows: readonly Dense<MultilabelText>[],
  options: TrainingOptions,
): Generator<void, TrainedMultilabel> {
  const source = new VectorSource(rows.map((row) => row.vector));
  return yield* trainOn(source, rows, { ...VECTOR_SOLVER, seed: options.seed }, options, new Progress(options.onProgress));
}

type Rows = readonly { readonly labels: readonly string[] | null }[];

function* trainOn(
  source: RowSource,
  rows: Rows,
  solver: SolverOptions,
  options: TrainingOptions,
  progress: Progress,
): Generator<void, TrainedMultilabel> {
  const labels = [...new Set(rows.flatMap((row) => row.labels ?? []))].sort((a, b) => (a < b ? -1 : 1));
  if (labels.length === 0) throw new SmallfirstError('INPUT_INVALID', 'no row has a label: there is nothing to train from');
  if (labels.length > MAX_LABELS)
    throw new SmallfirstError('INPUT_INVALID', `there are ${labels.length} different labels; a classifier takes at most ${MAX_LABELS}`);
  const distinct = new Set(source.keys).size;
  if (distinct < 2) throw new SmallfirstError('INPUT_INVALID', 'every row has the same text: there is nothing to learn from');
  const index = new Map(labels.map((label, k) => [label, k]));
  const gold = rows.map((row) => (row.labels ? new Set(row.labels.map((label) => index.get(label)!)) : null));
  const problem = membershipProblem(source, labels.length, (row, k) => gold[row]?.has(k) === true, solver);
  const folds = foldCount(rows.length, distinct, LARGE_SET, options.folds);
  const foldOf = assignFolds(source.keys, strataOf(gold, labels.length), folds, options.seed);
  const held = yield* crossValidateLinear(problem, foldOf, (share) => progress.crossValidate(share));
  const fitted = calibrate(held, gold, labels.length);
  const certain = fitSetCertain(held, gold, fitted);
  const { encoding, linear } = yield* fitLinear(problem, (share) => progress.fit(share));
  const heldOut = rows.map((_, row) => {
    const answer = answerSet(held.decisions, row * labels.length, fitted);
    return {
      labels: answer.given.map((k) => labels[k]!),
      probabilities: answer.probabilities,
      ...certaintyOf(certain, answer, held.novelty, row * B),
    };
  });
  return { model: { encoding, labels, linear, ...fitted, certain }, folds, heldOut };
}

type Gold = readonly (ReadonlySet<number> | null)[];

/** The rarest label of each row, so that rare labels are spread over the folds. */
function strataOf(gold: Gold, labels: number): string[] {
  const counts = new Int32Array(labels);
  for (const set of gold) for (const k of set ?? []) counts[k] = counts[k]! + 1;
  return gold.map((set) => {
    if (!set) return 'outside';
    const rarest = [...set].sort((a, b) => counts[a]! - counts[b]! || a - b)[0];
    return rarest === undefined ? 'none' : String(rarest);
  });
}

/** A logistic from decision value to log-odds and an F1 threshold for each label; labels with few rows share one of all labels. */
function calibrate(held: HeldOutDecisions, gold: Gold, labels: number): Pick<MultilabelModel, 'calibrations' | 'thresholds'> {
  const rows = gold.flatMap((set, row) => (set ? [row] : []));
  const decisionsOf = (k: number) => Float64Array.from(rows, (row) => held.decisions[row * labels + k]!);
  const truthOf = (k: number) => Float64Array.from(rows, (row) => (gold[row]!.has(k) ? 1 : 0));
  const pooledDecisions = Float64Array.from(
    { length: rows.length * labels },
    (_, i) => held.decisions[rows[Math.floor(i / labels)]! * labels + (i % labels)]!,
  );
  const pooledTruth = Float64Array.from({ length: rows.length * labels }, (_, i) =>
    gold[rows[Math.floor(i / labels)]!]!.has(i % labels) ? 1 : 0,
  );
  const pooled = platt(pooledDecisions, pooledTruth);
  const pooledThreshold = bestF1Threshold(probabilities(pooled, pooledDecisions), pooledTruth);
  const calibrations: Logistic[] = [];
  const thresholds: number[] = [];
  for (let k = 0; k < labels; k += 1) {
    const truth = truthOf(k);
    const positives = truth.reduce((sum, one) => sum + one, 0);
    const enough = positives >= FEWEST_POSITIVES && rows.length - positives >= FEWEST_POSITIVES;
    const own = enough ? platt(decisionsOf(k), truth) : pooled;
    calibrations.push(own);
    thresholds.push(enough ? bestF1Threshold(probabilities(own, decisionsOf(k)), truth) : pooledThreshold);
  }
  return { calibrations, thresholds };
}

/** Log-odds from one number (Platt 1999). */
export function platt(values: Float64Array, outcomes: Float64Array): Logistic {
  return fitLogistic({ columns: 1, values, outcomes, weights: new Float64Array(outcomes.length).fill(1) });
}

function probabilities({ weights, bias }: Logistic, values: Float64Array): Float64Array {
  return values.map((value) => sigmoid(bias + weights[0]! * value));
}

/** Stand-ins for rows outside, where too few were given: rows with half of their words or more turned into unknown ones. */
function fitSetCertain(held: HeldOutDecisions, gold: Gold, fitted: Pick<MultilabelModel, 'calibrations' | 'thresholds'>): Certain {
  const labels = fitted.thresholds.length;
  const inside = scopeRows();
  const outside = scopeRows();
  const standIns = scopeRows();
  gold.forEach((set, row) => {
    const from = row * labels;
    const answer = answerSet(held.decisions, from, fitted);
    addScopeRow(set ? inside : outside, { ...answer, right: set !== null && isSame(answer, set) }, held.novelty, row * B);
    if (!set) return;
    const share = dilutionOf(row);
    const faint = Float64Array.from({ length: labels }, (_, k) => held.decisions[from + k]! * (1 - share) - share);
    addScopeRow(standIns, { ...answerSet(faint, 0, fitted), right: false }, diluted(held.novelty, row * B, share), 0);
  });
  const given = outside.right.length >= ENOUGH_OUTSIDE;
  return fitCertain({ inside, outside: given ? outside : standIns, given });
}

function isSame({ given }: SetAnswer, set: ReadonlySet<number>): boolean {
  return given.length === set.size && given.every((k) => set.has(k));
}
