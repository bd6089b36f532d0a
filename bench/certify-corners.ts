import { certify, type PairCounts } from '../src/certify/index.ts';
import type { NanoUsd, Pair } from '../src/core/index.ts';
import { pairedBootstrap, type Random, seededRandom } from '../src/statistics/index.ts';
import { boundaryPopulation, countsOf } from './certify-draws.ts';

/** A corner that was simulated: how often a policy below (or just at) its floor was certified. */
export interface Corner {
  readonly corner: string;
  readonly n: number;
  readonly draws: number;
  readonly error: number;
  readonly standardError: number;
}

function corner(name: string, n: number, outcomes: readonly boolean[]): Corner {
  const error = outcomes.filter(Boolean).length / outcomes.length;
  const standardError = Math.sqrt(Math.max(error * (1 - error), 1 / outcomes.length) / outcomes.length);
  return { corner: name, n, draws: outcomes.length, error, standardError };
}

function repeat(draws: number, once: () => boolean): boolean[] {
  return Array.from({ length: draws }, once);
}

/**
 * Graded quality with 3 % total losses hidden among tiny differences. `lift` is what the others gain: 0.98/0.97 puts the true ratio
 * exactly at the floor of 0.98, 1 puts it at 0.97. Small samples often show no loss at all.
 */
export function gradedCorner(n: number, lift: number, draws: number): Corner {
  const random = seededRandom(n * 1000 + Math.round(lift * 1000));
  const once = () => {
    const pairs = Array.from({ length: n }, (_, i) => {
      const big = 0.9 + 0.05 * (random.next() - 0.5);
      const small = random.next() < 0.03 ? 0 : Math.min(1, big * lift * (1 + 0.01 * (random.next() - 0.5)));
      return { id: String(i), small: { quality: small }, big: { quality: big } };
    });
    return certify(pairs, { floor: 0.98, level: 0.95, method: 'score' }).verdict !== 'frontier';
  };
  return corner(lift === 1 ? 'graded, 3 % total losses, ratio 0.97' : 'graded, 3 % total losses, ratio 0.98', n, repeat(draws, once));
}

/** Clusters of five rows that stand or fall together, at the boundary: the rows would claim five times the evidence there is. */
export function clusterCorner(clusters: number, draws: number): Corner {
  const random = seededRandom(clusters);
  const once = () => {
    const pairs = Array.from({ length: clusters }, (_, c) => {
      const quality = random.next() < 0.02 ? 0 : 1;
      return Array.from({ length: 5 }, (_, i) => ({
        id: `${c}-${i}`,
        small: { quality },
        big: { quality: 1 },
        cluster: String(c),
      }));
    }).flat();
    return certify(pairs, { floor: 0.98, level: 0.95, method: 'score' }).verdict !== 'frontier';
  };
  return corner('clusters of 5 identical rows', clusters, repeat(draws, once));
}

/** Slope of the loss rate in the confidence of `drawCascade`: with it the policy at threshold t loses t-dependent quality in closed form. */
const LOSS_AT_ZERO = 0.2;

/** Pairs whose chance of a loss falls with their confidence: 0.2·(1 − c)². The frontier is right on `quality` of them. */
export function drawCascade(random: Random, n: number, quality: number): Pair[] {
  return Array.from({ length: n }, (_, i) => {
    const confidence = random.next();
    const big = random.next() < quality ? 1 : 0;
    const lost = random.next() < LOSS_AT_ZERO * (1 - confidence) ** 2;
    return {
      id: String(i),
      small: { quality: big === 1 && lost ? 0 : big, confidence, cost: 1e5 as NanoUsd },
      big: { quality: big, cost: 1e6 as NanoUsd },
    };
  });
}

/** True ratio of the policy that accepts from `threshold` on: 1 − ∫ 0.2 (1 − c)² dc from the threshold to 1. */
function trueRatio(threshold: number): number {
  return 1 - (LOSS_AT_ZERO * (1 - threshold) ** 3) / 3;
}

/** The whole procedure, its grid taken from the file's own confidences: how often the deployed policy is really below the floor. */
export function cascadeCorner(n: number, quality: number, draws: number): Corner {
  const random = seededRandom(n + 7);
  const once = () => {
    const result = certify(drawCascade(random, n, quality), { floor: 0.98, level: 0.95, method: 'score' });
    return result.verdict === 'swap' || (result.threshold !== null && trueRatio(result.threshold) < 0.98);
  };
  return corner(`cascade, fixed sequence, frontier right ${quality}`, n, repeat(draws, once));
}

/** A one-sided percentile bootstrap at 95 % in a corner with few losses, for display: why pass and fail never rest on it. */
export function bootstrapCorner(n: number, quality: number, draws: number): Corner {
  const floor = 0.98;
  const population = boundaryPopulation(floor, quality, 0)!;
  const random = seededRandom(n);
  const draw = countsOf(random, n, population);
  let seed = 0;
  const once = () => {
    const z = zOf(draw(), floor);
    const mean = (indices: Int32Array) => {
      let sum = 0;
      for (let i = 0; i < indices.length; i += 1) sum += z[indices[i]!]!;
      return sum / indices.length;
    };
    seed += 1;
    // The 5 % quantile of the mean of Z above 0 is the one-sided test at 95 %.
    return pairedBootstrap(n, mean, { resamples: 400, level: 0.9, seed }).low > 0;
  };
  return corner(`percentile bootstrap, frontier right ${quality}`, n, repeat(draws, once));
}

function zOf(counts: PairCounts, floor: number): Float64Array {
  const z = new Float64Array(counts.n);
  z.fill(-floor, 0, counts.lost);
  z.fill(1 - floor, counts.lost, counts.lost + counts.kept);
  z.fill(1, counts.lost + counts.kept, counts.lost + counts.kept + counts.gained);
  return z;
}
