import type { CertifyMethod, FrontierReason, Verdict } from '../core/index.ts';

/** What binary pairs add up to under a policy; pairs that both sides got wrong are in `n` only. Escalated pairs are kept, never lost. */
export interface PairCounts {
  readonly n: number;
  /** The frontier was right and the policy still is. */
  readonly kept: number;
  /** The frontier was right and the accepted small answer is wrong. */
  readonly lost: number;
  /** The frontier was wrong and the accepted small answer is right. */
  readonly gained: number;
}

/**
 * Graded qualities of independent units under a policy, one entry per pair or cluster. Entries lie in 0…scale:
 * scale is 1 for pairs and cluster means, and the largest cluster's size for cluster sums.
 */
export interface GradedUnits {
  readonly policy: Float64Array;
  readonly big: Float64Array;
  readonly scale: number;
}

export interface CertifyOptions {
  /** ρ in (0, 1]: the share of the frontier's quality to keep. */
  readonly floor: number;
  /** 1 − α in (0, 1). */
  readonly level: number;
  readonly method: CertifyMethod;
  /** K-th look at a growing sample, from 1; absent for the one planned look. */
  readonly look?: number | undefined;
  /**
   * Thresholds fixed beforehand, on pairs that are not among these; by default 40 quantiles of these pairs' confidences.
   * Walked from the highest; only a threshold that accepts every pair can end in a swap.
   */
  readonly grid?: readonly number[] | undefined;
}

/** One threshold of the fixed sequence. `p` is raw: compare it with the result's `delta`. */
export interface GridPoint {
  readonly threshold: number;
  /** Share of rows that the small model keeps. */
  readonly accepted: number;
  readonly p: number;
  /** Policy's quality over the frontier's; null when the frontier has none. */
  readonly retained: number | null;
  readonly lost: number;
  readonly gained: number;
}

/** What certification found, with everything needed to judge it. Numbers are not rounded. */
export interface CertifyResult {
  /** Independent units: pairs, or clusters where rows name one. */
  readonly n: number;
  /** Rows read. */
  readonly pairs: number;
  readonly floor: number;
  readonly level: number;
  /** The method that was used; `requestedMethod` differs when it gave way to the e-value. */
  readonly method: CertifyMethod;
  readonly requestedMethod: CertifyMethod;
  readonly look: number | null;
  /** The error that each point of the sequence was tested at. */
  readonly delta: number;
  readonly verdict: Verdict;
  /** Set when the verdict is `frontier`, and only then. */
  readonly reason?: FrontierReason;
  /** Accept from here on; null for a swap (accept all) and for the frontier (accept none). */
  readonly threshold: number | null;
  /** Share of rows that the deployed policy accepts. */
  readonly accepted: number;
  readonly retained: number | null;
  readonly retainedLowerBound: number | null;
  /** Rows, at the deployed point; for the frontier at the last point examined. */
  readonly counts: { readonly kept: number; readonly lost: number; readonly gained: number };
  /** 1 − cost of the policy over cost of the frontier for everything; null when a cost is missing. */
  readonly savings: number | null;
  /** About how many more pairs a pass would take (80 % power at the observed rates); null when passed, or when more cannot help. */
  readonly pairsNeeded: number | null;
  readonly grid: readonly GridPoint[];
  /** What a reader must know beside the numbers. */
  readonly notes: readonly string[];
}
