import { seededRandom } from '../statistics/index.ts';
import { decision } from './support-vectors.ts';
import type { SparseRows } from './weighting.ts';

/** Settings of the regression. */
export interface RidgeOptions {
  /** Weight of a squared error against half the squared length of the weights, the bias's included. */
  readonly cost: number;
  readonly passes: number;
  readonly seed: number;
}

/**
 * Ridge regression of `targets` on rows and a constant 1, by dual coordinate descent (Ho and Lin 2012, with ε = 0). A row whose target
 * is NaN is left out. Deterministic for a seed.
 */
export function fitRidge(
  x: SparseRows,
  targets: Float64Array,
  options: RidgeOptions,
): { readonly weights: Float64Array; readonly bias: number } {
  const slack = 1 / (2 * options.cost);
  const weights = new Float64Array(x.columns);
  const alpha = new Float64Array(x.rows);
  const rows: number[] = [];
  const squaredLength = new Float64Array(x.rows);
  for (let row = 0; row < x.rows; row += 1) {
    if (Number.isNaN(targets[row]!)) continue;
    rows.push(row);
    let squares = 1;
    for (let i = x.offsets[row]!; i < x.offsets[row + 1]!; i += 1) squares += x.values[i]! * x.values[i]!;
    squaredLength[row] = squares;
  }
  const random = seededRandom(options.seed);
  let bias = 0;
  for (let pass = 0; pass < options.passes; pass += 1) {
    let largest = 0;
    for (const row of random.shuffle(rows)) {
      const residual = targets[row]! - decision(x, row, weights, bias) - slack * alpha[row]!;
      const step = residual / (squaredLength[row]! + slack);
      alpha[row] = alpha[row]! + step;
      bias += step;
      for (let i = x.offsets[row]!; i < x.offsets[row + 1]!; i += 1) {
        const at = x.indices[i]!;
        weights[at] = weights[at]! + step * x.values[i]!;
      }
      largest = Math.max(largest, Math.abs(residual));
    }
    if (largest < 1e-3) break;
  }
  return { weights, bias };
}
