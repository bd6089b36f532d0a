import type { NanoUsd } from './money.ts';

/** One side of a pair. */
export interface PairSide {
  /** 0..1 by the task's metric; 0 or 1 for exact-match tasks. */
  readonly quality: number;
  readonly cost?: NanoUsd;
  readonly latencyMs?: number;
}

/** One request answered by a candidate and by the frontier, with both qualities. */
export interface Pair {
  readonly id: string;
  /** `confidence` is absent when the candidate gave none: such a row is always escalated. */
  readonly small: PairSide & { readonly confidence?: number };
  readonly big: PairSide;
  /** Conversation or customer: rows of one cluster are not independent. */
  readonly cluster?: string;
  /** True where a frozen triage sends the request straight to the frontier: never accepted, and the candidate is not called. */
  readonly skip?: boolean;
}
