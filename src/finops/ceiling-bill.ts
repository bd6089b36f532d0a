import { addUsd, type NanoUsd, ZERO_USD } from '../core/index.ts';

/** What was really paid, and what the ceiling model would have taken for the same answered requests. */
export interface CeilingSums {
  /** Client requests that got an answer. */
  readonly requests: number;
  /** Every attempt: escalated, failed, judged and shadowed ones too. */
  readonly actual: NanoUsd;
  readonly before: NanoUsd;
  /** Answered requests that the ceiling has no price for: they are in `actual` and not in `before`. */
  readonly unpricedRequests: number;
  /** Attempts without a known price: they are in no sum. */
  readonly unpricedCalls: number;
}

/** Nothing yet. */
export const NO_CEILING_SUMS: CeilingSums = {
  ...{ requests: 0, actual: ZERO_USD, before: ZERO_USD, unpricedRequests: 0, unpricedCalls: 0 },
};

/** Adds exactly. */
export function addCeilingSums(a: CeilingSums, b: CeilingSums): CeilingSums {
  return {
    requests: a.requests + b.requests,
    actual: addUsd(a.actual, b.actual),
    before: addUsd(a.before, b.before),
    unpricedRequests: a.unpricedRequests + b.unpricedRequests,
    unpricedCalls: a.unpricedCalls + b.unpricedCalls,
  };
}

/** Share of the cost before that was saved; null where there was none or something is unpriced, which would make it a guess. */
export function savedShare(sums: CeilingSums): number | null {
  if (sums.before <= 0 || sums.unpricedRequests > 0 || sums.unpricedCalls > 0) return null;
  return 1 - sums.actual / sums.before;
}
