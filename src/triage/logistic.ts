/** Rows of a sparse matrix, one after the other: columns and values of row i lie from `starts[i]` to before `starts[i + 1]`. */
export interface SparseRows {
  readonly columns: number;
  readonly starts: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/** What two heads are fitted to: the same rows, two targets in 0..1 each. */
export interface TwoTargets {
  readonly rows: SparseRows;
  readonly small: Float64Array;
  readonly big: Float64Array;
}

/** Weights of both heads, column by column: small's at 2c, big's at 2c + 1. The last column is the intercept. */
export type TwoHeads = Float64Array;

/** Steps that the solver remembers, the most it takes, and the length of the gradient at which it ends. */
const MEMORY = 5;
const MOST_STEPS = 80;
const TOLERANCE = 1e-3;

interface Point {
  readonly w: TwoHeads;
  readonly loss: number;
  readonly gradient: Float64Array;
}

interface Step {
  readonly s: Float64Array;
  readonly y: Float64Array;
  readonly rho: number;
}

/**
 * Minimises mean logistic loss + λ/2 · ‖w‖² of both heads at once (intercepts free) by L-BFGS (Nocedal and Wright, algorithm 7.5) with
 * backtracking. Deterministic. Graded targets count as shares. Starts from `from` when given, which is not changed.
 */
export function fitTwoHeads(targets: TwoTargets, lambda: number, from: TwoHeads | null = null): TwoHeads {
  const size = (targets.rows.columns + 1) * 2;
  let point = evaluate(targets, lambda, from ? from.slice() : new Float64Array(size));
  const steps: Step[] = [];
  for (let taken = 0; taken < MOST_STEPS; taken += 1) {
    const length = Math.sqrt(dot(point.gradient, point.gradient));
    if (length <= TOLERANCE) break;
    // The first step has no curvature to go by: a length of about 4 suits weights of this kind.
    const next = search(targets, lambda, point, { direction: twoLoop(point.gradient, steps), step: steps.length === 0 ? 4 / length : 1 });
    if (next === null) break;
    const s = difference(next.w, point.w);
    const y = difference(next.gradient, point.gradient);
    const sy = dot(s, y);
    if (sy > 1e-12) {
      steps.push({ s, y, rho: 1 / sy });
      if (steps.length > MEMORY) steps.shift();
    }
    point = next;
  }
  return point.w;
}

/** Halves the step until the loss falls enough (Armijo); null when it does not in 30 halvings: the minimum is reached as far as numbers go. */
function search(
  targets: TwoTargets,
  lambda: number,
  point: Point,
  along: { readonly direction: Float64Array; readonly step: number },
): Point | null {
  const slope = dot(along.direction, point.gradient);
  let { step } = along;
  for (let halving = 0; halving < 30; halving += 1) {
    const w = point.w.slice();
    addScaled(w, along.direction, step);
    const next = evaluate(targets, lambda, w);
    if (next.loss <= point.loss + 1e-4 * step * slope) return next;
    step /= 2;
  }
  return null;
}

/** Loss and gradient at w. */
function evaluate({ rows, small, big }: TwoTargets, lambda: number, w: TwoHeads): Point {
  const gradient = new Float64Array(w.length);
  const { starts, indices, values, columns } = rows;
  const n = small.length;
  const intercept = columns * 2;
  let penalty = 0;
  for (let i = 0; i < intercept; i += 1) {
    penalty += w[i]! * w[i]!;
    gradient[i] = lambda * w[i]!;
  }
  let loss = 0;
  for (let row = 0; row < n; row += 1) {
    const start = starts[row]!;
    const end = starts[row + 1]!;
    let zSmall = w[intercept]!;
    let zBig = w[intercept + 1]!;
    for (let k = start; k < end; k += 1) {
      const at = indices[k]! * 2;
      const value = values[k]!;
      zSmall += value * w[at]!;
      zBig += value * w[at + 1]!;
    }
    loss += logLoss(zSmall, small[row]!) + logLoss(zBig, big[row]!);
    const dSmall = (sigmoid(zSmall) - small[row]!) / n;
    const dBig = (sigmoid(zBig) - big[row]!) / n;
    for (let k = start; k < end; k += 1) {
      const at = indices[k]! * 2;
      const value = values[k]!;
      gradient[at] = gradient[at]! + value * dSmall;
      gradient[at + 1] = gradient[at + 1]! + value * dBig;
    }
    gradient[intercept] = gradient[intercept]! + dSmall;
    gradient[intercept + 1] = gradient[intercept + 1]! + dBig;
  }
  return { w, loss: loss / n + (lambda / 2) * penalty, gradient };
}

/** −H·g for the inverse Hessian H that the last steps describe. */
function twoLoop(gradient: Float64Array, steps: readonly Step[]): Float64Array {
  const q = new Float64Array(gradient.length);
  addScaled(q, gradient, -1);
  const alphas = new Float64Array(steps.length);
  for (let k = steps.length - 1; k >= 0; k -= 1) {
    const { s, y, rho } = steps[k]!;
    alphas[k] = rho * dot(s, q);
    addScaled(q, y, -alphas[k]!);
  }
  const last = steps.at(-1);
  if (last) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let i = 0; i < q.length; i += 1) q[i] = q[i]! * scale;
  }
  for (let k = 0; k < steps.length; k += 1) {
    const { s, y, rho } = steps[k]!;
    addScaled(q, s, alphas[k]! - rho * dot(y, q));
  }
  return q;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  const result = a.slice();
  addScaled(result, b, -1);
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(target: Float64Array, other: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i += 1) target[i] = target[i]! + factor * other[i]!;
}

/** log(1 + e^z) − t·z, without overflow. */
function logLoss(z: number, target: number): number {
  return (z > 0 ? z + Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z))) - target * z;
}

/** 1 / (1 + e^−z). */
export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}
