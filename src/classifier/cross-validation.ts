import type { Encoding } from './encoding.ts';
import { BLOCKS } from './feature-scanner.ts';
import { splitFold } from './folds.ts';
import { type LinearHead, quantise } from './linear-head.ts';
import type { RowSource } from './row-source.ts';
import { decision, type SolverOptions, trainOneVsRest } from './support-vectors.ts';
import type { SparseRows } from './weighting.ts';

/** Linear outputs over rows: which rows are of which output, and how they are solved. */
export interface LinearProblem {
  readonly source: RowSource;
  readonly outputs: number;
  /** Solves one output after the other; the weights are valid until the next is asked for. */
  readonly solve: (
    x: SparseRows,
    rows: Int32Array,
  ) => Generator<{ readonly label: number; readonly weights: Float64Array; readonly bias: number }>;
}

/** A problem of yes and no for each output, by support vector machines. */
export function membershipProblem(
  source: RowSource,
  outputs: number,
  isOf: (row: number, output: number) => boolean,
  solver: SolverOptions,
): LinearProblem {
  return { source, outputs, solve: (x, rows) => trainOneVsRest(x, outputs, (i, output) => isOf(rows[i]!, output), solver) };
}

/** Decision values and novelty of every row by models that had not seen it, row by row. */
export interface HeldOutDecisions {
  readonly decisions: Float32Array;
  readonly novelty: Float64Array;
}

/** Vocabulary and weighting are learnt anew in each fold. Reports shares from 0 to 1; a step for each output of a fold. */
export function* crossValidateLinear(
  problem: LinearProblem,
  foldOf: Int32Array,
  onShare: (share: number) => void,
): Generator<void, HeldOutDecisions> {
  const { source, outputs } = problem;
  const folds = foldOf.reduce((most, fold) => Math.max(most, fold), 0) + 1;
  const noClass = new Int32Array(source.rows).fill(-1);
  const decisions = new Float32Array(source.rows * outputs);
  const novelty = new Float64Array(source.rows * BLOCKS.length);
  for (let fold = 0; fold < folds; fold += 1) {
    const { training, heldOut } = splitFold(foldOf, fold);
    const encoded = source.encode(training, heldOut, noClass);
    for (const { label, weights, bias } of problem.solve(encoded.training, training)) {
      for (let i = 0; i < heldOut.length; i += 1) decisions[heldOut[i]! * outputs + label] = decision(encoded.others, i, weights, bias);
      onShare((fold + (label + 1) / outputs) / folds);
      yield;
    }
    scatter(encoded.novelty, heldOut, novelty);
  }
  return { decisions, novelty };
}

/** Puts values of the listed rows, as many for each, where those rows are. */
export function scatter(values: Float64Array, rows: Int32Array, into: Float64Array): void {
  const width = rows.length > 0 ? values.length / rows.length : 0;
  for (let i = 0; i < rows.length; i += 1) into.set(values.subarray(i * width, (i + 1) * width), rows[i]! * width);
}

/** The head over all rows. */
export function* fitLinear(
  problem: LinearProblem,
  onShare: (share: number) => void,
): Generator<void, { readonly encoding: Encoding; readonly linear: LinearHead }> {
  const { source, outputs } = problem;
  const every = Int32Array.from({ length: source.rows }, (_, row) => row);
  const { encoding, training } = source.encode(every, new Int32Array(0), new Int32Array(source.rows).fill(-1));
  const dense = new Float32Array(training.columns * outputs);
  const biases = new Float32Array(outputs);
  for (const { label, weights, bias } of problem.solve(training, every)) {
    for (let feature = 0; feature < training.columns; feature += 1) dense[feature * outputs + label] = weights[feature]!;
    biases[label] = bias;
    onShare((label + 1) / outputs);
    yield;
  }
  return { encoding, linear: quantise(dense, biases) };
}
