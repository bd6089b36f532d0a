import type { CertifyMethod } from '../core/index.ts';
import { normalQuantile } from '../statistics/index.ts';
import { gradedLogEValue, gradedLogEValueBelow, logEValue, logEValueBelow, pOfLogE } from './evalue.ts';
import { type Cut, type Evidence, type RowTotals, unitsAt } from './evidence.ts';
import { type HarmCounts, harmLowerBound, harmTest, harmUpperBound } from './harm.ts';
import { binaryStatistic, gradedStatistic, oneSided } from './score.ts';
import { lastPassing } from './search.ts';
import type { GradedUnits, PairCounts } from './types.ts';

/** One point of the grid under one method: every method answers the same three questions. */
export interface PointTest {
  /** Raw p-value of "retained ≤ floor". */
  p(floor: number): number;
  /** Largest floor that passes at δ, at most `estimate`. */
  lowerBound(delta: number, estimate: number): number;
  /** True when "retained ≥ floor" is rejected at δ: the one-sided upper bound is below the floor. */
  missed(floor: number, delta: number): boolean;
}

/** Fewest graded pairs or clusters for which the asymptotic test may be used. */
export const FEWEST_GRADED_UNITS = 300;

/** The method that the evidence allows: the score test gives way to the e-value on small graded or clustered samples. */
export function usableMethod(requested: CertifyMethod, evidence: Evidence): CertifyMethod {
  const asymptotic = !evidence.graded && evidence.unitOf === null;
  return requested === 'score' && !asymptotic && evidence.n < FEWEST_GRADED_UNITS ? 'evalue' : requested;
}

/** The test of one cut. Binary pairs go by their counts; graded or clustered ones by their units. */
export function pointTest(method: CertifyMethod, evidence: Evidence, at: { readonly cut: Cut; readonly totals: RowTotals }): PointTest {
  if (method === 'clopper-pearson') return harmPoint(harmCounts(evidence, at.cut), evidence.unitOf !== null);
  if (!evidence.graded && evidence.unitOf === null) {
    const { kept, lost, gained } = at.totals;
    const counts: PairCounts = { n: evidence.n, kept, lost, gained };
    return method === 'score' ? scorePoint((rho) => binaryStatistic(counts, rho)) : evaluePoint(binaryBets(counts));
  }
  // Sums weigh every row the same, which the score test can take; a bet needs values of known range, so it takes means.
  if (method === 'score') {
    const units = unitsAt(evidence, at.cut, 'sum');
    return scorePoint((rho) => gradedStatistic(units, rho));
  }
  return evaluePoint(gradedBets(unitsAt(evidence, at.cut, 'mean')));
}

function scorePoint(statistic: (rho: number) => number): PointTest {
  return {
    p: (floor) => oneSided(statistic(floor)),
    lowerBound: (delta, estimate) => {
      const needed = -normalQuantile(delta);
      return boundBelow((rho) => statistic(rho) - needed, estimate);
    },
    missed: (floor, delta) => oneSided(-statistic(floor)) <= delta,
  };
}

/** log E against "retained ≤ ρ" and against "retained ≥ ρ". */
interface Bets {
  above(rho: number): number;
  below(rho: number): number;
}

function binaryBets(counts: PairCounts): Bets {
  return { above: (rho) => logEValue(counts, rho), below: (rho) => logEValueBelow(counts, rho) };
}

function gradedBets(units: GradedUnits): Bets {
  return { above: (rho) => gradedLogEValue(units, rho), below: (rho) => gradedLogEValueBelow(units, rho) };
}

function evaluePoint(bets: Bets): PointTest {
  return {
    p: (floor) => pOfLogE(bets.above(floor)),
    lowerBound: (delta, estimate) => boundBelow((rho) => bets.above(rho) + Math.log(delta), estimate),
    missed: (floor, delta) => pOfLogE(bets.below(floor)) <= delta,
  };
}

/** Finds where a margin falls through 0 below the estimate, at which no method passes; 0 when it never rises above it. */
function boundBelow(margin: (rho: number) => number, estimate: number): number {
  let failing = estimate;
  if (!(failing > 0)) return 0;
  for (let gap = 1 / 64; gap < 1; gap *= 2) {
    const passing = estimate * (1 - gap);
    if (margin(passing) >= 0) return lastPassing(margin, passing, failing);
    failing = passing;
  }
  return margin(1e-6) >= 0 ? lastPassing(margin, 1e-6, failing) : 0;
}

function harmPoint(counts: HarmCounts, clustered: boolean): PointTest {
  return {
    p: (floor) => harmTest(counts, floor),
    lowerBound: (delta, estimate) => Math.min(harmLowerBound(counts, delta), estimate),
    missed: (floor, delta) => !clustered && harmUpperBound(counts, delta) < floor,
  };
}

/** Harm per unit at one cut. In a cluster any harm counts, and the frontier is right only where it is in every row. */
export function harmCounts(evidence: Evidence, cut: Cut): HarmCounts {
  const { small, big, unitOf, n } = evidence;
  const harmed = new Uint8Array(n);
  const gained = new Uint8Array(n);
  const wrong = new Uint8Array(n);
  for (let i = 0; i < big.length; i += 1) {
    const unit = unitOf ? unitOf[i]! : i;
    if (big[i] !== 1) wrong[unit] = 1;
    if (i >= cut.rows) continue;
    if (small[i]! < big[i]!) harmed[unit] = 1;
    if (small[i]! > big[i]!) gained[unit] = 1;
  }
  const sum = (flags: Uint8Array) => flags.reduce((total, flag) => total + flag, 0);
  return { n, harmed: sum(harmed), gained: sum(gained), bigRight: n - sum(wrong) };
}
