/** A logistic regression on a few numbers. */
export interface Logistic {
  readonly weights: readonly number[];
  readonly bias: number;
}

/** Rows of a few numbers each, row by row, with outcomes from 0 to 1 and how much each row counts. */
export interface LogisticRows {
  readonly columns: number;
  readonly values: Float64Array;
  readonly outcomes: Float64Array;
  readonly weights: Float64Array;
}

/** Penalty on squared weights of standardised columns: as much as a handful of rows say, so that few rows cannot make it certain. */
const RIDGE = 1;
const STEPS = 25;
const LARGEST_LOGIT = 12;

/** bias + weights · values, the log-odds. */
export function logOdds(model: Logistic, values: ArrayLike<number>): number {
  let sum = model.bias;
  for (let j = 0; j < model.weights.length; j += 1) sum += model.weights[j]! * values[j]!;
  return sum;
}

/** 1 / (1 + e^−x). */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** ln(p / (1 − p)), kept within ±12. */
export function logit(probability: number): number {
  if (!(probability > 0)) return -LARGEST_LOGIT;
  if (probability >= 1) return LARGEST_LOGIT;
  return Math.max(-LARGEST_LOGIT, Math.min(LARGEST_LOGIT, Math.log(probability / (1 - probability))));
}

/** Weighted maximum likelihood with a ridge on standardised columns, by Newton's method. Rows of one outcome give a bias and weights near 0. */
export function fitLogistic(rows: LogisticRows): Logistic {
  const { columns } = rows;
  const { means, deviations } = standardise(rows);
  const size = columns + 1;
  const beta = new Float64Array(size);
  const z = new Float64Array(size);
  z[columns] = 1;
  for (let step = 0; step < STEPS; step += 1) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    for (let row = 0; row < rows.outcomes.length; row += 1) {
      let sum = beta[columns]!;
      for (let j = 0; j < columns; j += 1) {
        z[j] = (rows.values[row * columns + j]! - means[j]!) / deviations[j]!;
        sum += beta[j]! * z[j]!;
      }
      const p = sigmoid(sum);
      const weight = rows.weights[row]!;
      const residual = weight * (p - rows.outcomes[row]!);
      const curvature = weight * Math.max(p * (1 - p), 1e-6);
      for (let a = 0; a < size; a += 1) {
        gradient[a] = gradient[a]! + residual * z[a]!;
        for (let b = 0; b <= a; b += 1) hessian[a * size + b] = hessian[a * size + b]! + curvature * z[a]! * z[b]!;
      }
    }
    for (let a = 0; a < size; a += 1) {
      // The bias bears a trace of the ridge, so that one-sided outcomes stay finite.
      const ridge = a < columns ? RIDGE : RIDGE / 10;
      gradient[a] = gradient[a]! + ridge * beta[a]!;
      hessian[a * size + a] = hessian[a * size + a]! + ridge;
    }
    const move = solveSymmetric(hessian, gradient, size);
    let largest = 0;
    for (let a = 0; a < size; a += 1) {
      const by = Math.max(-4, Math.min(4, move[a]!));
      beta[a] = beta[a]! - by;
      largest = Math.max(largest, Math.abs(by));
    }
    if (largest < 1e-6) break;
  }
  const weights = Array.from({ length: columns }, (_, j) => beta[j]! / deviations[j]!);
  return { weights, bias: weights.reduce((bias, weight, j) => bias - weight * means[j]!, beta[columns]!) };
}

function standardise({ columns, values, weights }: LogisticRows): { readonly means: Float64Array; readonly deviations: Float64Array } {
  const means = new Float64Array(columns);
  const deviations = new Float64Array(columns).fill(1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) return { means, deviations };
  for (let j = 0; j < columns; j += 1) {
    let sum = 0;
    let squares = 0;
    for (let row = 0; row < weights.length; row += 1) sum += weights[row]! * values[row * columns + j]!;
    const mean = sum / total;
    for (let row = 0; row < weights.length; row += 1) squares += weights[row]! * (values[row * columns + j]! - mean) ** 2;
    means[j] = mean;
    deviations[j] = Math.sqrt(squares / total) || 1;
  }
  return { means, deviations };
}

/** Solves A·x = b for a symmetric positive definite A, given by its lower triangle, row by row (Cholesky). A is overwritten. */
export function solveSymmetric(a: Float64Array, b: Float64Array, size: number): Float64Array {
  choleskyInPlace(a, size);
  return solveWithCholesky(a, b, size);
}

/** Replaces the lower triangle of a symmetric positive definite matrix by its Cholesky factor. */
export function choleskyInPlace(a: Float64Array, size: number): void {
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = a[i * size + j]!;
      for (let k = 0; k < j; k += 1) sum -= a[i * size + k]! * a[j * size + k]!;
      a[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / a[j * size + j]!;
    }
  }
}

/** Solves L·Lᵀ·x = b for a Cholesky factor L. */
export function solveWithCholesky(l: Float64Array, b: Float64Array, size: number): Float64Array {
  const x = Float64Array.from(b);
  for (let i = 0; i < size; i += 1) {
    let sum = x[i]!;
    for (let k = 0; k < i; k += 1) sum -= l[i * size + k]! * x[k]!;
    x[i] = sum / l[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    let sum = x[i]!;
    for (let k = i + 1; k < size; k += 1) sum -= l[k * size + i]! * x[k]!;
    x[i] = sum / l[i * size + i]!;
  }
  return x;
}
