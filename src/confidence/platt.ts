import { checkFitRows } from './tie-groups.ts';

/** P = σ(slope · x + intercept), with x the log-odds of the raw value or the value itself. */
export interface PlattCalibrator {
  readonly kind: 'platt';
  readonly input: 'log-odds' | 'value';
  /** Never negative, so that a higher signal never means a lower confidence. */
  readonly slope: number;
  readonly intercept: number;
  /** Rows it was fitted on. */
  readonly n: number;
}

/** Raw probabilities nearer to 0 or 1 than this are taken as this: log-odds of ±13.8. */
const CLAMP = 1e-6;
const MAX_ITERATIONS = 100;
/** Of the mean gradient. */
const TOLERANCE = 1e-10;
/** Added to the Hessian's diagonal, as in the paper, so that it can always be inverted. */
const RIDGE = 1e-12;

/**
 * Fits Platt's sigmoid by maximum likelihood with his smoothed targets, (N₊+1)/(N₊+2) and 1/(N₋+2), and the Newton method with
 * backtracking of Lin, Lin and Weng (2007). Outcomes are 0 or 1, or graded between. Values are taken as probabilities (by their
 * log-odds) when all lie in 0…1, else as they are. A signal that runs the wrong way gets slope 0: the base rate for everyone.
 */
export function fitPlatt(values: readonly number[], outcomes: readonly number[]): PlattCalibrator {
  checkFitRows(values, outcomes);
  const input = values.every((value) => value >= 0 && value <= 1) ? 'log-odds' : 'value';
  const x = values.map((value) => plattInput(value, input));
  const right = outcomes.reduce((sum, outcome) => sum + outcome, 0);
  const high = (right + 1) / (right + 2);
  const low = 1 / (outcomes.length - right + 2);
  const targets = outcomes.map((outcome) => outcome * high + (1 - outcome) * low);
  const base = targets.reduce((sum, target) => sum + target, 0) / targets.length;
  const flat = Math.log(base / (1 - base));
  const fitted = maximise(x, targets, { slope: 0, intercept: flat });
  const line =
    fitted.slope > 0 && Number.isFinite(fitted.slope) && Number.isFinite(fitted.intercept) ? fitted : { slope: 0, intercept: flat };
  return { kind: 'platt', input, ...line, n: values.length };
}

/** What the sigmoid's line is applied to. */
export function plattInput(value: number, input: PlattCalibrator['input']): number {
  if (input === 'value') return value;
  const clamped = Math.min(1 - CLAMP, Math.max(CLAMP, value));
  return Math.log(clamped / (1 - clamped));
}

/** σ(t) without overflow. */
export function sigmoid(t: number): number {
  return t >= 0 ? 1 / (1 + Math.exp(-t)) : Math.exp(t) / (1 + Math.exp(t));
}

interface Line {
  readonly slope: number;
  readonly intercept: number;
}

/** Cross-entropy of the targets, in the form that neither overflows nor cancels. */
function loss(x: readonly number[], targets: readonly number[], line: Line): number {
  let sum = 0;
  for (let i = 0; i < x.length; i += 1) {
    const t = line.slope * x[i]! + line.intercept;
    sum += Math.max(t, 0) - targets[i]! * t + Math.log1p(Math.exp(-Math.abs(t)));
  }
  return sum;
}

function maximise(x: readonly number[], targets: readonly number[], start: Line): Line {
  let line = start;
  let value = loss(x, targets, line);
  for (let iteration = 0; iteration < MAX_ITERATIONS; iteration += 1) {
    const step = newtonStep(x, targets, line);
    if (step.gradient / x.length < TOLERANCE) return line;
    let size = 1;
    for (;;) {
      const next = { slope: line.slope + size * step.slope, intercept: line.intercept + size * step.intercept };
      const nextValue = loss(x, targets, next);
      if (nextValue < value + 1e-4 * size * step.descent) {
        line = next;
        value = nextValue;
        break;
      }
      size /= 2;
      // No step improves any more: this is the minimum, as far as doubles can tell.
      if (size < 1e-10) return line;
    }
  }
  return line;
}

function newtonStep(x: readonly number[], targets: readonly number[], line: Line) {
  let h11 = RIDGE;
  let h22 = RIDGE;
  let h21 = 0;
  let g1 = 0;
  let g2 = 0;
  for (let i = 0; i < x.length; i += 1) {
    const p = sigmoid(line.slope * x[i]! + line.intercept);
    const weight = p * (1 - p);
    const error = p - targets[i]!;
    h11 += x[i]! * x[i]! * weight;
    h22 += weight;
    h21 += x[i]! * weight;
    g1 += x[i]! * error;
    g2 += error;
  }
  const determinant = h11 * h22 - h21 * h21;
  const slope = -(h22 * g1 - h21 * g2) / determinant;
  const intercept = -(h11 * g2 - h21 * g1) / determinant;
  return { slope, intercept, gradient: Math.max(Math.abs(g1), Math.abs(g2)), descent: g1 * slope + g2 * intercept };
}
