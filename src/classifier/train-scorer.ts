import { SmallfirstError } from '../core/index.ts';
import { crossValidateLinear, fitLinear, type HeldOutDecisions, type LinearProblem, membershipProblem } from './cross-validation.ts';
import { BLOCKS } from './feature-scanner.ts';
import { assignFolds, foldCount } from './folds.ts';
import { fitLogistic } from './logistic.ts';
import { Progress, runToEnd } from './progress.ts';
import { fitRidge } from './ridge.ts';
import { LARGE_SET, type RowSource, TextSource, VectorSource } from './row-source.ts';
import { addScopeRow, type Certain, certaintyOf, diluted, dilutionOf, ENOUGH_OUTSIDE, fitCertain, scopeRows } from './scope.ts';
import { ACCURACY_COLUMNS, accuracyColumns, clip, type RealScale, type Scale, type ScorerModel, scoreFrom } from './scorer.ts';
import type { SolverOptions } from './support-vectors.ts';
import { TEXT_SOLVER, VECTOR_SOLVER } from './train.ts';
import { platt } from './train-multilabel.ts';
import type { Dense, ScoredText, ScorePrediction, ScorerOptions } from './types.ts';

const B = BLOCKS.length;
/** Whole numbers of at most so many values are steps of a scale; more are measurements. */
const MOST_LEVELS = 10;
/** Costs that cross-validation chooses from. */
const COSTS = [0.03, 0.1, 0.3, 1, 3] as const;
const PASSES = 25;

/** A trained model and what cross-validation found, in the order of the rows, rows out of scope included. */
export interface TrainedScorer {
  readonly model: ScorerModel;
  readonly folds: number;
  readonly heldOut: readonly ScorePrediction[];
}

/** Trains to the end. See trainScorerInSteps. */
export function trainScorer(rows: readonly ScoredText[], options: ScorerOptions): TrainedScorer {
  return runToEnd(trainScorerInSteps(rows, options));
}

/**
 * Whole targets of at most ten values: one linear SVM per step of the scale, calibrated, the answer is the median. Other targets: ridge
 * regression, its penalty chosen on folds. Answers stay within the range of the rows. Throws INPUT_INVALID for targets that are not finite
 * or all alike, and for fewer than two different texts.
 */
export function* trainScorerInSteps(rows: readonly ScoredText[], options: ScorerOptions): Generator<void, TrainedScorer> {
  const progress = new Progress(options.onProgress);
  const source = new TextSource(
    rows.map((row) => row.text),
    (done) => progress.scan(done, rows.length),
  );
  return yield* trainOn(source, rows, { ...TEXT_SOLVER, positiveCost: 1, seed: options.seed }, options, progress);
}

/** The same over embeddings. Throws INPUT_INVALID also for embeddings of different lengths. */
export function* trainDenseScorerInSteps(rows: readonly Dense<ScoredText>[], options: ScorerOptions): Generator<void, TrainedScorer> {
  const source = new VectorSource(rows.map((row) => row.vector));
  const solver = { ...VECTOR_SOLVER, positiveCost: 1, seed: options.seed };
  return yield* trainOn(source, rows, solver, options, new Progress(options.onProgress));
}

function* trainOn(
  source: RowSource,
  rows: readonly { readonly value: number | null }[],
  solver: SolverOptions,
  options: ScorerOptions,
  progress: Progress,
): Generator<void, TrainedScorer> {
  const targets = Float64Array.from(rows, ({ value }) => value ?? Number.NaN);
  const range = rangeOf(rows);
  const distinct = new Set(source.keys).size;
  if (distinct < 2) throw new SmallfirstError('INPUT_INVALID', 'every row has the same text: there is nothing to learn from');
  const tolerance = options.tolerance ?? (range.levels ? 0.5 : range.deviation / 2);
  if (!(tolerance >= 0)) throw new SmallfirstError('INPUT_INVALID', 'the tolerance of a scorer cannot be below 0');
  const folds = foldCount(rows.length, distinct, LARGE_SET, options.folds);
  const foldOf = assignFolds(source.keys, strataOf(rows, range), folds, options.seed);
  const onShare = (share: number) => progress.crossValidate(share);
  const { problem, held, scale } = range.levels
    ? yield* ordinal({ source, targets, tolerance, solver }, range.levels, foldOf, onShare)
    : yield* real({ source, targets, tolerance, solver }, range, foldOf, onShare);
  const certain = fitScoreCertain(held, targets, scale);
  const { encoding, linear } = yield* fitLinear(problem, (share) => progress.fit(share));
  const heldOut = rows.map((_, row) => {
    const score = scoreFrom(held.decisions, row * problem.outputs, scale, held.novelty, row * B);
    return { value: score.value, ...certaintyOf(certain, score, held.novelty, row * B) };
  });
  return { model: { encoding, linear, ...scale, certain }, folds, heldOut };
}

interface Range {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  readonly deviation: number;
  /** The values of an ordinal scale, rising; null for measurements. */
  readonly levels: readonly number[] | null;
}

function rangeOf(rows: readonly { readonly value: number | null }[]): Range {
  const values = rows.flatMap(({ value }) => (value === null ? [] : [value]));
  if (values.length === 0) throw new SmallfirstError('INPUT_INVALID', 'there are no rows to train from');
  if (!values.every(Number.isFinite)) throw new SmallfirstError('INPUT_INVALID', 'a value is not a finite number');
  const levels = [...new Set(values)].sort((a, b) => a - b);
  if (levels.length < 2) throw new SmallfirstError('INPUT_INVALID', `every row has the value ${levels[0]}: there is nothing to learn`);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  const isOrdinal = levels.length <= MOST_LEVELS && levels.every(Number.isInteger);
  return { minimum: levels[0]!, maximum: levels.at(-1)!, mean, deviation, levels: isOrdinal ? levels : null };
}

/** Folds see the whole range alike. */
function strataOf(rows: readonly { readonly value: number | null }[], { minimum, maximum }: Range): string[] {
  return rows.map(({ value }) => (value === null ? 'outside' : String(Math.floor((9.99 * (value - minimum)) / (maximum - minimum)))));
}

interface Task {
  readonly source: RowSource;
  readonly targets: Float64Array;
  readonly tolerance: number;
  readonly solver: SolverOptions;
}

interface Fitted {
  readonly problem: LinearProblem;
  readonly held: HeldOutDecisions;
  readonly scale: Scale;
}

function* ordinal(
  { source, targets, tolerance, solver }: Task,
  levels: readonly number[],
  foldOf: Int32Array,
  onShare: (share: number) => void,
): Generator<void, Fitted> {
  const steps = levels.length - 1;
  const problem = membershipProblem(source, steps, (row, j) => targets[row]! > levels[j]!, solver);
  const held = yield* crossValidateLinear(problem, foldOf, onShare);
  const inside = insideOf(targets);
  const calibrations = Array.from({ length: steps }, (_, j) =>
    platt(
      Float64Array.from(inside, (row) => held.decisions[row * steps + j]!),
      Float64Array.from(inside, (row) => (targets[row]! > levels[j]! ? 1 : 0)),
    ),
  );
  const scale = { ordinal: { levels, calibrations }, real: null, minimum: levels[0]!, maximum: levels.at(-1)!, tolerance };
  return { problem, held, scale };
}

function* real(
  { source, targets, tolerance, solver }: Task,
  { mean, deviation, minimum, maximum }: Range,
  foldOf: Int32Array,
  onShare: (share: number) => void,
): Generator<void, Fitted> {
  const standard = targets.map((target) => (target - mean) / deviation);
  const problemOf = (cost: number): LinearProblem => ({
    source,
    outputs: 1,
    *solve(x, rows) {
      const own = Float64Array.from(rows, (row) => standard[row]!);
      yield { label: 0, ...fitRidge(x, own, { cost, passes: PASSES, seed: solver.seed }) };
    },
  });
  const inside = insideOf(targets);
  let best: { readonly problem: LinearProblem; readonly held: HeldOutDecisions; readonly error: number } | null = null;
  for (const [tried, cost] of COSTS.entries()) {
    const problem = problemOf(cost);
    const held = yield* crossValidateLinear(problem, foldOf, (share) => onShare((tried + share) / COSTS.length));
    const error = inside.reduce((sum, row) => sum + (held.decisions[row]! - standard[row]!) ** 2, 0);
    if (!best || error < best.error) best = { problem, held, error };
  }
  const { problem, held } = best!;
  const isNear = (row: number) =>
    Math.abs(clip(mean + deviation * held.decisions[row]!, { minimum, maximum }) - targets[row]!) <= tolerance;
  const accuracy: RealScale['accuracy'] = fitLogistic({
    columns: ACCURACY_COLUMNS,
    values: Float64Array.from(inside.flatMap((row) => accuracyColumns(held.decisions[row]!, held.novelty, row * B))),
    outcomes: Float64Array.from(inside, (row) => (isNear(row) ? 1 : 0)),
    weights: new Float64Array(inside.length).fill(1),
  });
  return { problem, held, scale: { ordinal: null, real: { mean, deviation, accuracy }, minimum, maximum, tolerance } };
}

function insideOf(targets: Float64Array): number[] {
  return Array.from(targets.keys()).filter((row) => !Number.isNaN(targets[row]!));
}

/** Stand-ins for rows outside, where too few were given: rows with half of their words or more turned into unknown ones. */
function fitScoreCertain(held: HeldOutDecisions, targets: Float64Array, scale: Scale): Certain {
  const outputs = held.decisions.length / targets.length;
  const inside = scopeRows();
  const outside = scopeRows();
  const standIns = scopeRows();
  targets.forEach((target, row) => {
    const score = scoreFrom(held.decisions, row * outputs, scale, held.novelty, row * B);
    const isInside = !Number.isNaN(target);
    const right = isInside && Math.abs(score.value - target) <= scale.tolerance;
    addScopeRow(isInside ? inside : outside, { ...score, right }, held.novelty, row * B);
    if (!isInside) return;
    const share = dilutionOf(row);
    const novelty = diluted(held.novelty, row * B, share);
    const faint = held.decisions.subarray(row * outputs, (row + 1) * outputs).map((value) => value * (1 - share));
    addScopeRow(standIns, { ...scoreFrom(faint, 0, scale, novelty, 0), right: false }, novelty, 0);
  });
  const given = outside.right.length >= ENOUGH_OUTSIDE;
  return fitCertain({ inside, outside: given ? outside : standIns, given });
}
