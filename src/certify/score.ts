import { normalCdf } from '../statistics/index.ts';
import { ATOM_WEIGHT, type Sample, scoreStatistic } from './empirical-likelihood.ts';
import type { GradedUnits, PairCounts } from './types.ts';

/** Z = policy − ρ·big of binary pairs as three values with their counts; the rest of the pairs have Z = 0. */
export function binarySample(counts: PairCounts, floor: number): Sample {
  return {
    z: Float64Array.of(-floor, 1 - floor, 1),
    weights: Float64Array.of(counts.lost, counts.kept, counts.gained),
    n: counts.n,
  };
}

/** Z = policy − ρ·big of each unit. */
export function gradedSample(units: GradedUnits, floor: number): Sample {
  const z = new Float64Array(units.policy.length);
  for (let i = 0; i < z.length; i += 1) z[i] = units.policy[i]! - floor * units.big[i]!;
  return { z, weights: null, n: z.length };
}

/** The signed statistic of `scoreTest`: above 0 when the policy keeps more than the floor. An unseen loss or gain gets weight 1e-9. */
export function binaryStatistic(counts: PairCounts, floor: number): number {
  const atoms = { below: counts.lost === 0 ? ATOM_WEIGHT : 0, above: counts.gained === 0 ? ATOM_WEIGHT : 0 };
  return scoreStatistic(binarySample(counts, floor), { below: floor, above: 1 }, atoms);
}

/** The signed statistic of `gradedScoreTest`. Atoms of weight 1e-9 always sit at the worst and the best case. */
export function gradedStatistic(units: GradedUnits, floor: number): number {
  const range = { below: floor * units.scale, above: units.scale };
  return scoreStatistic(gradedSample(units, floor), range, { below: ATOM_WEIGHT, above: ATOM_WEIGHT });
}

/**
 * One-sided p-value of "retained ≤ floor" for binary pairs: the score test for a ratio of paired proportions with the
 * variance at the constrained maximum-likelihood estimate; 1 when the estimate is not above the floor.
 * Asymptotic: run it at 0.8 α to promise 1 − α (see bench/certify.ts).
 */
export function scoreTest(counts: PairCounts, floor: number): number {
  return oneSided(binaryStatistic(counts, floor));
}

/**
 * The same for graded qualities, with the empirical-likelihood variance. Equals `scoreTest` on 0/1 data. Its worst-case atom
 * speaks for losses that a small sample cannot show; below 300 units that is not enough and `logEValue` must be used.
 */
export function gradedScoreTest(units: GradedUnits, floor: number): number {
  return oneSided(gradedStatistic(units, floor));
}

/** 1 − Φ(T), and 1 when the estimate does not even point the right way. */
export function oneSided(statistic: number): number {
  return statistic > 0 ? normalCdf(-statistic) : 1;
}
