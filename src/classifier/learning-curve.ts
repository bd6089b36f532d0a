import { SmallfirstError } from '../core/index.ts';
import { wilson } from '../statistics/index.ts';
import { type LinearProblem, membershipProblem } from './cross-validation.ts';
import { assignFolds } from './folds.ts';
import { bootstrapLaws, type ErrorPoint, fitPowerLaw, type Gain, gainOf, type PowerLaw } from './power-law.ts';
import { fitRidge } from './ridge.ts';
import { type RowSource, TextSource, VectorSource } from './row-source.ts';
import { decision } from './support-vectors.ts';
import { TEXT_SOLVER, VECTOR_SOLVER } from './train.ts';
import type { Dense, LabelledText, MultilabelText, ScoredText } from './types.ts';

/** Rows of one kind of student, all with texts or all with embeddings. Rows out of scope are left out. */
export type CurveTask =
  | { readonly kind: 'classifier'; readonly rows: readonly (LabelledText | Dense<LabelledText>)[] }
  | { readonly kind: 'multilabel'; readonly rows: readonly (MultilabelText | Dense<MultilabelText>)[] }
  | { readonly kind: 'scorer'; readonly rows: readonly (ScoredText | Dense<ScoredText>)[]; readonly tolerance: number };

/** How to measure a curve. */
export interface CurveOptions {
  readonly seed: number;
  /** Sizes at most, each half of the one above it; when absent 5. */
  readonly points?: number;
  /** Quarters of the rows that are held out in turn, 1 to 4; when absent 4 below 1,500 rows, else 1. */
  readonly folds?: number;
  /** Share that is done, 0..1. */
  readonly onProgress?: (share: number) => void;
}

/** Held-out accuracy of models of so many rows. */
export interface CurvePoint {
  readonly rows: number;
  /** Share of answers that were right: the label, the whole set of labels, or a number within the tolerance. */
  readonly accuracy: number;
  /** 95 % interval (Wilson). */
  readonly low: number;
  readonly high: number;
}

/** A learning curve; plain data. */
export interface LearningCurve {
  /** Rows in scope that there are. */
  readonly rows: number;
  readonly points: readonly CurvePoint[];
  /** Null when there are fewer than three points. */
  readonly law: PowerLaw | null;
  readonly draws: readonly PowerLaw[];
}

const FEWEST_ROWS = 16;
const QUARTERS = 4;
const PIECES = 32;
const DRAWS = 200;
const RIDGE = { cost: 0.3, passes: 15 } as const;

/**
 * Trains on nested parts of the rows and scores each on the same held-out rows: the linear model only, without calibration, a step for each
 * output of each model. Deterministic for a seed. Throws INPUT_INVALID for fewer than 16 rows in scope.
 */
export function* learningCurveInSteps(task: CurveTask, options: CurveOptions): Generator<void, LearningCurve> {
  const trial = trialOf(task, options.seed);
  const { source } = trial.problem;
  if (source.rows < FEWEST_ROWS)
    throw new SmallfirstError('INPUT_INVALID', `a learning curve needs ${FEWEST_ROWS} rows in scope; there are ${source.rows}`);
  const quarterOf = assignFolds(source.keys, trial.strata, QUARTERS, options.seed);
  const pieceOf = assignFolds(source.keys, trial.strata, PIECES, options.seed + 1);
  const folds = Math.max(1, Math.min(QUARTERS, options.folds ?? (source.rows < 1500 ? QUARTERS : 1)));
  const sizes = sizesOf(source.rows, options.points ?? 5);
  const tallies = sizes.map(() => ({ rows: 0, right: 0, tested: 0 }));
  const total = folds * sizes.reduce((sum, share) => sum + share, 0);
  let done = 0;
  for (let fold = 0; fold < folds; fold += 1) {
    for (const [at, share] of sizes.entries()) {
      const rows = Array.from(quarterOf.keys());
      const training = Int32Array.from(rows.filter((row) => quarterOf[row] !== fold && pieceOf[row]! < share * PIECES));
      const heldOut = Int32Array.from(rows.filter((row) => quarterOf[row] === fold));
      const right = yield* rightOf(trial, training, heldOut);
      const tally = tallies[at]!;
      tally.rows += training.length / folds;
      tally.right += right;
      tally.tested += heldOut.length;
      done += share;
      options.onProgress?.(done / total);
    }
  }
  const points = tallies.map(({ rows, right, tested }) => {
    const { low, high } = wilson(right, tested, 0.95);
    return { rows: Math.round(rows), accuracy: right / tested, low, high };
  });
  const errors = tallies.map(({ rows, right, tested }): ErrorPoint => ({ rows, error: 1 - right / tested, tested }));
  const law = errors.length >= 3 ? fitPowerLaw(errors) : null;
  return { rows: source.rows, points, law, draws: law ? bootstrapLaws(errors, DRAWS, options.seed) : [] };
}

/** "`more` labels are worth about +gain", with a 90 % interval; null without a fitted law. */
export function gainFrom(curve: LearningCurve, more: number): Gain | null {
  return curve.law ? gainOf(curve.law, curve.draws, curve.rows, more) : null;
}

/** Shares of the training rows, rising to all of them; none of fewer than FEWEST_ROWS rows, or of less than one piece. */
function sizesOf(rows: number, points: number): number[] {
  const shares: number[] = [];
  for (let share = 1; shares.length < points && share * PIECES >= 1; share /= 2) {
    if (shares.length > 0 && share * rows * 0.75 < FEWEST_ROWS) break;
    shares.unshift(share);
  }
  return shares;
}

interface Trial {
  readonly problem: LinearProblem;
  readonly strata: readonly string[];
  /** Whether the decision values of a row, of all outputs, give the right answer. */
  readonly isRight: (row: number, decisions: Float64Array) => boolean;
}

function* rightOf({ problem, isRight }: Trial, training: Int32Array, heldOut: Int32Array): Generator<void, number> {
  const { source, outputs } = problem;
  const encoded = source.encode(training, heldOut, new Int32Array(source.rows).fill(-1));
  const decisions = new Float64Array(heldOut.length * outputs);
  for (const { label, weights, bias } of problem.solve(encoded.training, training)) {
    for (let i = 0; i < heldOut.length; i += 1) decisions[i * outputs + label] = decision(encoded.others, i, weights, bias);
    yield;
  }
  let right = 0;
  for (let i = 0; i < heldOut.length; i += 1) if (isRight(heldOut[i]!, decisions.subarray(i * outputs, (i + 1) * outputs))) right += 1;
  return right;
}

function trialOf(task: CurveTask, seed: number): Trial {
  if (task.kind === 'classifier')
    return classifierTrial(
      task.rows.flatMap((row) => (row.label === null ? [] : [{ ...row, label: row.label }])),
      seed,
    );
  if (task.kind === 'multilabel')
    return multilabelTrial(
      task.rows.flatMap((row) => (row.labels === null ? [] : [{ ...row, labels: row.labels }])),
      seed,
    );
  return scorerTrial(
    task.rows.flatMap((row) => (row.value === null ? [] : [{ ...row, value: row.value }])),
    task.tolerance,
    seed,
  );
}

type Input = { readonly text: string } | { readonly vector: Float32Array };

function sourceOf(rows: readonly Input[]): RowSource {
  const vectors = rows.flatMap((row) => ('vector' in row ? [row.vector] : []));
  if (vectors.length === 0) return new TextSource(rows.map((row) => ('text' in row ? row.text : '')));
  if (vectors.length < rows.length) throw new SmallfirstError('INPUT_INVALID', 'some rows have embeddings and some have none');
  return new VectorSource(vectors);
}

function solverOf(rows: readonly Input[], seed: number) {
  return { ...(rows.some((row) => 'vector' in row) ? VECTOR_SOLVER : TEXT_SOLVER), seed };
}

function classifierTrial(rows: readonly (Input & { readonly label: string })[], seed: number): Trial {
  const labels = [...new Set(rows.map((row) => row.label))].sort();
  const gold = rows.map((row) => labels.indexOf(row.label));
  const problem = membershipProblem(sourceOf(rows), labels.length, (row, k) => gold[row] === k, solverOf(rows, seed));
  const isRight = (row: number, decisions: Float64Array) =>
    decisions.every((value, k) => k === gold[row] || value < decisions[gold[row]!]!);
  return { problem, strata: rows.map((row) => row.label), isRight };
}

function multilabelTrial(rows: readonly (Input & { readonly labels: readonly string[] })[], seed: number): Trial {
  const labels = [...new Set(rows.flatMap((row) => row.labels))].sort();
  const gold = rows.map((row) => labels.map((label) => row.labels.includes(label)));
  const problem = membershipProblem(sourceOf(rows), labels.length, (row, k) => gold[row]![k]!, solverOf(rows, seed));
  const isRight = (row: number, decisions: Float64Array) => decisions.every((value, k) => value > 0 === gold[row]![k]);
  return { problem, strata: rows.map((row) => row.labels[0] ?? ''), isRight };
}

function scorerTrial(rows: readonly (Input & { readonly value: number })[], tolerance: number, seed: number): Trial {
  const values = rows.map((row) => row.value);
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length)) || 1;
  const problem: LinearProblem = {
    source: sourceOf(rows),
    outputs: 1,
    *solve(x, chosen) {
      const targets = Float64Array.from(chosen, (row) => (values[row]! - mean) / deviation);
      yield { label: 0, ...fitRidge(x, targets, { ...RIDGE, seed }) };
    },
  };
  const isRight = (row: number, decisions: Float64Array) => Math.abs(mean + deviation * decisions[0]! - values[row]!) <= tolerance;
  return { problem, strata: rows.map(() => ''), isRight };
}
