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
 * Logistic regression of outcomes on inputs (Platt 1999, with his smoothed targets), fitted by Newton's method. A small penalty
 * pulls all coefficients but the constant to `prior`: it keeps them finite when the inputs separate right from wrong, and keeps the
 * model's own doubt in the answer when all outcomes are the same.
 */
export function fitCalibration(inputs: readonly (readonly number[])[], outcomes: readonly boolean[], prior: readonly number[]): number[] {
  const width = prior.length + 1;
  const positives = outcomes.filter(Boolean).length;
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (outcomes.length - positives + 2);
  const coefficients = [0, ...prior];
  for (let step = 0; step < STEPS; step += 1) {
    const gradient = coefficients.map((value, k) => (k === 0 ? 0 : PENALTY * (prior[k - 1]! - value)));
    const curvature: number[][] = gradient.map((_, k) => gradient.map((__, m) => (k === m ? (k === 0 ? EDGE : PENALTY) : 0)));
    inputs.forEach((row, r) => {
      const p = calibrated(coefficients, row);
      const gap = (outcomes[r] ? high : low) - p;
      const weight = p * (1 - p);
      for (let k = 0; k < width; k += 1) {
        const x = k === 0 ? 1 : row[k - 1]!;
        if (x === 0) continue;
        gradient[k] = gradient[k]! + gap * x;
        for (let m = 0; m < width; m += 1) curvature[k]![m] = curvature[k]![m]! + weight * x * (m === 0 ? 1 : row[m - 1]!);
      }
    });
    const move = solve(curvature, gradient);
    let largest = 0;
    for (let k = 0; k < width; k += 1) {
      const bounded = Math.max(-2, Math.min(2, move[k]!));
      coefficients[k] = coefficients[k]! + bounded;
      largest = Math.max(largest, Math.abs(bounded));
    }
    if (largest < 1e-8) break;
  }
  return coefficients;
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
