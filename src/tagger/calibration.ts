/** Probabilities closer to 0 or 1 than this tell no more. */
const EDGE = 1e-6;
const STEPS = 60;
/** Weight of the prior: that of a few rows. */
const PENALTY = 1;

/** log(p / (1 − p)), kept within ±13.8. */
export function logit(probability: number): number {
  const p = Math.min(1 - EDGE, Math.max(EDGE, probability));
  return Math.log(p / (1 - p));
}

/** 1 / (1 + e^−x). */
export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** P from inputs under fitted coefficients; the first coefficient is the constant. */
export function calibrated(coefficients: ArrayLike<number>, inputs: ArrayLike<number>): number {
  let sum = coefficients[0]!;
  for (let k = 0; k < inputs.length; k += 1) sum += coefficients[k + 1]! * inputs[k]!;
  return logistic(sum);
}

/**
 * Logistic regression of outcomes on inputs (Platt 1999, with his smoothed targets), fitted by Newton's method with step halving. A small
 * penalty pulls all coefficients but the constant to `prior`: it keeps them finite when the inputs separate right from wrong, and keeps
 * the model's own doubt in the answer when all outcomes are the same.
 */
export function fitCalibration(inputs: readonly (readonly number[])[], outcomes: readonly boolean[], prior: readonly number[]): number[] {
  const positives = outcomes.filter(Boolean).length;
  const problem: Problem = {
    inputs,
    outcomes,
    prior,
    high: (positives + 1) / (positives + 2),
    low: 1 / (outcomes.length - positives + 2),
  };
  let coefficients = [logit((positives + 1) / (outcomes.length + 2)), ...prior.map(() => 0)];
  let loss = lossOf(problem, coefficients);
  for (let step = 0; step < STEPS; step += 1) {
    const move = newtonStep(problem, coefficients);
    let share = 1;
    let next = coefficients;
    let reached = Number.POSITIVE_INFINITY;
    while (reached > loss && share > EDGE) {
      next = coefficients.map((value, k) => value + share * move[k]!);
      reached = lossOf(problem, next);
      share /= 2;
    }
    const gained = loss - reached;
    if (!(gained > 0)) break;
    coefficients = next;
    loss = reached;
    if (gained < EDGE) break;
  }
  return coefficients;
}

interface Problem {
  readonly inputs: readonly (readonly number[])[];
  readonly outcomes: readonly boolean[];
  readonly prior: readonly number[];
  readonly high: number;
  readonly low: number;
}

/** Negative log-likelihood of the smoothed targets, and the penalty. */
function lossOf({ inputs, outcomes, prior, high, low }: Problem, coefficients: readonly number[]): number {
  let loss = prior.reduce((sum, value, k) => sum + (PENALTY / 2) * (coefficients[k + 1]! - value) ** 2, 0);
  inputs.forEach((row, r) => {
    const x = coefficients.reduce((sum, value, k) => sum + value * (k === 0 ? 1 : row[k - 1]!), 0);
    // log(1 + e^x) without overflow.
    loss += Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) - (outcomes[r] ? high : low) * x;
  });
  return loss;
}

function newtonStep({ inputs, outcomes, prior, high, low }: Problem, coefficients: readonly number[]): number[] {
  const width = coefficients.length;
  const gradient = coefficients.map((value, k) => (k === 0 ? 0 : PENALTY * (prior[k - 1]! - value)));
  const curvature: number[][] = gradient.map((_, k) => gradient.map((__, m) => (k === m ? (k === 0 ? EDGE : PENALTY) : 0)));
  inputs.forEach((row, r) => {
    const p = calibrated(coefficients, row);
    const gap = (outcomes[r] ? high : low) - p;
    const weight = p * (1 - p);
    for (let k = 0; k < width; k += 1) {
      const x = k === 0 ? 1 : row[k - 1]!;
      gradient[k] = gradient[k]! + gap * x;
      for (let m = 0; m < width; m += 1) curvature[k]![m] = curvature[k]![m]! + weight * x * (m === 0 ? 1 : row[m - 1]!);
    }
  });
  return solve(curvature, gradient);
}

/** Gaussian elimination with pivoting; the matrix is positive definite. */
function solve(matrix: readonly number[][], right: readonly number[]): number[] {
  const rows = matrix.map((row, k) => [...row, right[k]!]);
  const size = rows.length;
  for (let k = 0; k < size; k += 1) {
    let pivot = k;
    for (let r = k + 1; r < size; r += 1) if (Math.abs(rows[r]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = r;
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (let r = k + 1; r < size; r += 1) {
      const factor = rows[r]![k]! / rows[k]![k]!;
      if (factor !== 0) for (let c = k; c <= size; c += 1) rows[r]![c] = rows[r]![c]! - factor * rows[k]![c]!;
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let k = size - 1; k >= 0; k -= 1) {
    let value = rows[k]![size]!;
    for (let c = k + 1; c < size; c += 1) value -= rows[k]![c]! * solution[c]!;
    solution[k] = value / rows[k]![k]!;
  }
  return solution;
}
