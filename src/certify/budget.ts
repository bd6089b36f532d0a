import type { CertifyMethod } from '../core/index.ts';

/** The score test is asymptotic: at 0.8 α its true error stays within α (computed in bench/certify.ts). Not a share to spend. */
const SCORE_SHARE = 0.8;

/** What decides how much error a run may spend. */
export interface BudgetQuestion {
  readonly level: number;
  readonly requested: CertifyMethod;
  /** Differs from `requested` when the score test gave way to the e-value. */
  readonly used: CertifyMethod;
  readonly look: number | null;
}

/**
 * δ for this run. The K-th declared look spends δ·2^−K, so that all looks together spend at most δ. A requested e-value looks for free;
 * one that stands in for the score test does not, because later looks of the same run of looks will use the score test.
 */
export function errorBudget(question: BudgetQuestion): number {
  // 0.8 · (1 − 0.95) is not 0.04 in doubles; twelve digits are, and no one means a finer level.
  const whole = Number(((question.used === 'score' ? SCORE_SHARE : 1) * (1 - question.level)).toPrecision(12));
  if (question.look === null || question.requested === 'evalue') return whole;
  return whole * 2 ** -question.look;
}
