import type { CertifyMethod } from '../core/index.ts';
import { binomialCdf, normalCdf } from '../statistics/index.ts';
import { scoreTest } from './score.ts';

/** The score test is asymptotic: at 0.8 α its true error stays within α (computed in bench/certify.ts). Not a share to spend. */
const SCORE_SHARE = 0.8;

/** What decides how much error a run may spend. */
export interface BudgetQuestion {
  readonly level: number;
  readonly floor: number;
  readonly requested: CertifyMethod;
  /** Differs from `requested` when the score test gave way to the e-value. */
  readonly used: CertifyMethod;
  readonly look: number | null;
  /** Pairs that the frontier got right; null when qualities are graded, rows clustered, or the sample is not there yet. */
  readonly bigRight: number | null;
}

/**
 * δ for this run: 0.8 α for the score test, α for the exact methods. The K-th declared look spends δ·2^−K, so that all looks together
 * spend at most δ. A requested e-value looks for free; one that stands in for the score test does not, because later looks of the same
 * run of looks will use the score test. For the score test δ is lowered further where 0.8 α is proven not to be enough.
 */
export function errorBudget(question: BudgetQuestion): number {
  // 1 − 0.95 is not 0.05 in doubles; twelve digits are, and no one means a finer level.
  const alpha = tidy(1 - question.level) * (question.look === null || question.requested === 'evalue' ? 1 : 2 ** -question.look);
  if (question.used !== 'score') return alpha;
  const delta = tidy(SCORE_SHARE * alpha);
  return Math.min(delta, question.bigRight === null ? lossless(alpha) : exactLimit(alpha, question.floor, question.bigRight));
}

function tidy(value: number): number {
  return Number(value.toPrecision(12));
}

/**
 * What δ must stay below so that the error is within α given that the frontier was right m times and there are no gains. Losses are
 * then binomial with rate 1 − ρ at the boundary, so the least count c with P(losses ≤ c) > α must not pass: δ < its p-value. At 95 %
 * this binds only for a handful of small m and low floors (m = 28 at floor 0.9); at 90 % it binds often (floor 0.98, m = 100: a lossless
 * sample has p = 0.077 and a chance of 0.13).
 */
function exactLimit(alpha: number, floor: number, m: number): number {
  let fails = 0;
  let passes = -1;
  // Doubling, then halving, to the least count whose chance is above α.
  while (binomialCdf(fails, m, 1 - floor) <= alpha) {
    passes = fails;
    fails = 2 * fails + 1;
  }
  while (fails - passes > 1) {
    const middle = (fails + passes) >> 1;
    if (binomialCdf(middle, m, 1 - floor) <= alpha) passes = middle;
    else fails = middle;
  }
  if (fails > m) return 1;
  return scoreTest({ n: m, lost: fails, kept: m - fails, gained: 0 }, floor) * (1 - 1e-9);
}

/** The same limit where there is no m to go by: losses as a Poisson count, whose worst case is none at all, seen with chance α. */
function lossless(alpha: number): number {
  return normalCdf(-Math.sqrt(-Math.log(alpha)));
}
