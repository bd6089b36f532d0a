import { doubtOf } from './temperature.ts';

/** How the decision values of a linear head and of a network become one score: a calibrated softmax of `linear` × one + `network` × other. */
export interface Mixture {
  /** 1 / temperature of the linear head's decision values. */
  readonly linear: number;
  /** 0 where there is no network. */
  readonly network: number;
}

/** Scores of all classes, row by row: decision values of the linear head, and of the networks where there are any. */
export interface ClassScores {
  readonly classes: number;
  readonly linear: ArrayLike<number>;
  readonly network: ArrayLike<number> | null;
}

const STEPS = 30;
const SMALLEST = 1e-3;

/**
 * The two factors that make the mixed softmax most likely on held-out rows (a temperature for each of the two), by damped Newton steps on a
 * convex function. Rows of gold −1 are left out. Neither factor falls below 0.
 */
export function fitMixture(scores: ClassScores, gold: Int32Array): Mixture {
  let a = 3;
  let b = 0.5;
  let before = Number.POSITIVE_INFINITY;
  let damping = 1e-3;
  let last = { a, b };
  for (let step = 0; step < STEPS; step += 1) {
    const at = slopes(scores, gold, a, b);
    if (at.loss > before + 1e-9) {
      // Too far: back half of the way, more carefully.
      damping = Math.max(damping * 10, 1e-2);
      a = (a + last.a) / 2;
      b = (b + last.b) / 2;
      continue;
    }
    before = at.loss;
    last = { a, b };
    const aa = at.aa + damping;
    const bb = at.bb + damping;
    const determinant = aa * bb - at.ab * at.ab;
    const moveA = (bb * at.a - at.ab * at.b) / determinant;
    const moveB = (aa * at.b - at.ab * at.a) / determinant;
    a = Math.max(SMALLEST, a - moveA);
    b = Math.max(0, b - moveB);
    if (Math.abs(moveA) + Math.abs(moveB) < 1e-4) break;
  }
  return { linear: a, network: b };
}

interface Slopes {
  readonly loss: number;
  readonly a: number;
  readonly b: number;
  readonly aa: number;
  readonly ab: number;
  readonly bb: number;
}

/** Mean negative log-likelihood, its gradient and its Hessian (covariances of the decision values under the softmax). */
function slopes({ classes, linear, network }: ClassScores, gold: Int32Array, a: number, b: number): Slopes {
  const sums = { loss: 0, a: 0, b: 0, aa: 0, ab: 0, bb: 0 };
  const doubt = doubtOf(gold.length);
  const net = network ?? new Float32Array(linear.length);
  let rows = 0;
  for (let row = 0; row < gold.length; row += 1) {
    if (gold[row]! < 0) continue;
    rows += 1;
    const from = row * classes;
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = from; k < from + classes; k += 1) highest = Math.max(highest, a * linear[k]! + b * net[k]!);
    let total = 0;
    let plainX = 0;
    let plainY = 0;
    let x = 0;
    let y = 0;
    let xx = 0;
    let xy = 0;
    let yy = 0;
    for (let k = from; k < from + classes; k += 1) {
      const share = Math.exp(a * linear[k]! + b * net[k]! - highest);
      total += share;
      plainX += linear[k]!;
      plainY += net[k]!;
      x += share * linear[k]!;
      y += share * net[k]!;
      xx += share * linear[k]! * linear[k]!;
      xy += share * linear[k]! * net[k]!;
      yy += share * net[k]! * net[k]!;
    }
    const own = from + gold[row]!;
    const targetX = (1 - doubt) * linear[own]! + (doubt * plainX) / classes;
    const targetY = (1 - doubt) * net[own]! + (doubt * plainY) / classes;
    x /= total;
    y /= total;
    sums.loss += Math.log(total) + highest - a * targetX - b * targetY;
    sums.a += x - targetX;
    sums.b += y - targetY;
    sums.aa += xx / total - x * x;
    sums.ab += xy / total - x * y;
    sums.bb += yy / total - y * y;
  }
  const each = 1 / Math.max(1, rows);
  return { loss: sums.loss * each, a: sums.a * each, b: sums.b * each, aa: sums.aa * each, ab: sums.ab * each, bb: sums.bb * each };
}
