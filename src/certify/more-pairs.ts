import { errorBudget } from './budget.ts';
import { ATOM_WEIGHT } from './empirical-likelihood.ts';
import { type Cut, type Evidence, type RowTotals, unitsAt } from './evidence.ts';
import { FEWEST_GRADED_UNITS, harmCounts } from './point-test.ts';
import { evalueUnitsNeeded, harmUnitsNeeded, pairsNeeded, type SampleGoal, scoreUnitsNeeded } from './sample-size.ts';
import { binarySample, gradedSample } from './score.ts';
import type { CertifyOptions, PairCounts } from './types.ts';

/** The point that failed, in the evidence it belongs to. */
export interface FailedPoint {
  readonly evidence: Evidence;
  readonly cut: Cut;
  readonly totals: RowTotals;
}

/**
 * About how many pairs more would certify this point with 80 % power, if the observed rates are the true ones; null when they are
 * not above the floor. With declared looks the answer is for the next look, which has half the error to spend.
 */
export function morePairs(point: FailedPoint, options: CertifyOptions): number | null {
  const { evidence } = point;
  const total = unitsNeeded(point, options);
  if (total === null) return null;
  const rowsPerUnit = evidence.big.length / evidence.n;
  return Math.max(1, Math.ceil((total - evidence.n) * rowsPerUnit));
}

function unitsNeeded(point: FailedPoint, options: CertifyOptions): number | null {
  const { evidence, cut } = point;
  const look = options.look === undefined ? null : options.look + 1;
  const goalOf = (used: CertifyOptions['method']): SampleGoal => ({
    floor: options.floor,
    delta: errorBudget({ floor: options.floor, level: options.level, requested: options.method, used, look, bigRight: null }),
  });
  if (options.method === 'clopper-pearson') {
    const counts = harmCounts(evidence, cut);
    return harmUnitsNeeded({ harm: counts.harmed / counts.n, bigRight: counts.bigRight / counts.n }, goalOf('clopper-pearson'));
  }
  const byBets = () => evalueUnitsNeeded(meansOf(point, options.floor), goalOf('evalue'));
  if (options.method === 'evalue') return byBets();
  if (!evidence.graded && evidence.unitOf === null) return pairsNeeded(countsOf(point), goalOf('score'));
  const sums = unitsAt(evidence, cut, 'sum');
  const byScore = scoreUnitsNeeded(gradedSample(sums, options.floor), point.totals.bigQuality / evidence.n / sums.scale, goalOf('score'), {
    worst: options.floor * sums.scale,
    atoms: { below: ATOM_WEIGHT, above: ATOM_WEIGHT },
  });
  // Whichever comes first: the e-value may pass before there are enough units for the score test.
  const scored = byScore === null ? null : Math.max(FEWEST_GRADED_UNITS, byScore);
  const bet = evidence.n < FEWEST_GRADED_UNITS ? byBets() : null;
  return bet !== null && (scored === null || bet < FEWEST_GRADED_UNITS) ? bet : scored;
}

function countsOf(point: FailedPoint): PairCounts {
  const { kept, lost, gained } = point.totals;
  return { n: point.evidence.n, kept, lost, gained };
}

function meansOf(point: FailedPoint, floor: number) {
  if (!point.evidence.graded && point.evidence.unitOf === null) return binarySample(countsOf(point), floor);
  return gradedSample(unitsAt(point.evidence, point.cut, 'mean'), floor);
}
