import { type NanoUsd, ZERO_USD } from '../core/index.ts';

/** Judgements of a run, counted. */
export interface JudgeTally {
  asked: number;
  found: number;
  failed: number;
  parseFailures: number;
  cost: NanoUsd;
  unpriced: number;
}

/** The tally of a run that has judged nothing yet. */
export const NO_JUDGEMENTS: Readonly<JudgeTally> = { asked: 0, found: 0, failed: 0, parseFailures: 0, cost: ZERO_USD, unpriced: 0 };
