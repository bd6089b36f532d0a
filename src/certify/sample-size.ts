import { betaQuantile, binomialCdf, logSumExp, normalQuantile } from '../statistics/index.ts';
import { ATOM_WEIGHT, type Sample, sampleMean, scoreStatistic } from './empirical-likelihood.ts';
import { binarySample } from './score.ts';
import type { PairCounts } from './types.ts';

/** Chance that the new sample passes, if the observed rates are the true ones. */
const POWER = 0.8;

/** Beyond this no one collects pairs; the answer is then null, as if more could not help. */
const MOST_UNITS = 1e8;

/** What a planned sample has to satisfy. */
export interface SampleGoal {
  readonly floor: number;
  readonly delta: number;
  /** Chance to pass, 0.8 by default. */
  readonly power?: number;
}

/**
 * Binary pairs needed in all for the score test to pass at δ, if the observed rates are the true ones; null when they are not above
 * the floor. The largest of: (z_δ + z_power)²·Var Z/E[Z]²; the zero-failure floor ln δ/ln(1 − (1 − ρ)Q), below which not even a
 * lossless sample passes; and the size at which the observed sample itself, scaled up, passes.
 */
export function pairsNeeded(counts: PairCounts, goal: SampleGoal): number | null {
  const atoms = { below: counts.lost === 0 ? ATOM_WEIGHT : 0, above: 0 };
  return scoreUnitsNeeded(binarySample(counts, goal.floor), (counts.kept + counts.lost) / counts.n, goal, { worst: goal.floor, atoms });
}

/** `pairsNeeded` for any sample of Z. `quality` is the frontier's mean per unit; `worst` the magnitude of the most negative Z. */
export function scoreUnitsNeeded(
  sample: Sample,
  quality: number,
  goal: SampleGoal,
  edge: { readonly worst: number; readonly atoms: { readonly below: number; readonly above: number } },
): number | null {
  const mean = sampleMean(sample);
  if (!(mean > 0)) return null;
  const z = -normalQuantile(goal.delta);
  const zPower = normalQuantile(goal.power ?? POWER);
  const planned = ((z + zPower) ** 2 * varianceOf(sample, mean)) / mean ** 2;
  const lossRate = (1 - goal.floor) * Math.min(1, quality);
  const lossless = lossRate > 0 ? Math.log(goal.delta) / Math.log1p(-lossRate) : 0;
  const statistic = scoreStatistic(sample, { below: edge.worst, above: 1 }, edge.atoms);
  const scaled = sample.n * (z / statistic) ** 2;
  return affordable(Math.ceil(Math.max(planned, lossless, scaled)));
}

function varianceOf(sample: Sample, mean: number): number {
  let squares = 0;
  for (let i = 0; i < sample.z.length; i += 1) squares += sample.z[i]! ** 2 * (sample.weights ? sample.weights[i]! : 1);
  return Math.max(0, squares / sample.n - mean ** 2);
}

/**
 * Units needed in all for the e-value to pass at δ: the smallest n at which the expected log E of the mixture, less z_power standard
 * deviations of its best bet, reaches ln(1/δ). Null when E[Z] ≤ 0. `sample` holds Z of scale 1.
 */
export function evalueUnitsNeeded(sample: Sample, goal: SampleGoal): number | null {
  if (!(sampleMean(sample) > 0)) return null;
  const bets = Array.from({ length: 60 }, (_, m) => growth(sample, (m + 1) / 61 / goal.floor));
  const best = bets.reduce((a, b) => (b.mean > a.mean ? b : a));
  const zPower = normalQuantile(goal.power ?? POWER);
  return smallestPassing((n) => {
    const expected = logSumExp(bets.map((bet) => n * bet.mean)) - Math.log(bets.length);
    return expected - zPower * Math.sqrt(n * best.variance) >= -Math.log(goal.delta);
  });
}

/** Mean and variance of log(1 + νZ) over the sample; the units that the weights leave out have Z = 0. */
function growth(sample: Sample, stake: number): { readonly mean: number; readonly variance: number } {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < sample.z.length; i += 1) {
    const weight = sample.weights ? sample.weights[i]! : 1;
    if (weight === 0) continue;
    const log = Math.log1p(stake * sample.z[i]!);
    sum += weight * log;
    squares += weight * log * log;
  }
  const mean = sum / sample.n;
  return { mean, variance: Math.max(0, squares / sample.n - mean * mean) };
}

/**
 * Units needed in all for the Clopper-Pearson harm test to pass at δ when harm and frontier quality have these rates and the harm
 * seen is at its power quantile. Null when the harm is not below (1 − ρ)·quality.
 */
export function harmUnitsNeeded(rates: { readonly harm: number; readonly bigRight: number }, goal: SampleGoal): number | null {
  const room = 1 - goal.floor;
  if (!(rates.harm < room * rates.bigRight)) return null;
  const zPower = normalQuantile(goal.power ?? POWER);
  return smallestPassing((n) => {
    const harmed = rates.harm === 0 ? 0 : Math.ceil(n * rates.harm + zPower * Math.sqrt(n * rates.harm * (1 - rates.harm)));
    const right = n * rates.bigRight;
    const limit = room * betaQuantile(0.1 * goal.delta, right, n - right + 1);
    return binomialCdf(harmed, n, limit) <= 0.9 * goal.delta;
  });
}

/** Smallest n that passes, by doubling and halving; null past the largest sample worth naming. */
function smallestPassing(passes: (n: number) => boolean): number | null {
  let high = 1;
  while (!passes(high)) {
    high *= 2;
    if (high > MOST_UNITS) return null;
  }
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (passes(middle)) high = middle;
    else low = middle;
  }
  return high;
}

function affordable(n: number): number | null {
  return n <= MOST_UNITS ? n : null;
}
