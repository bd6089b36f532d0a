import type { Json, Output } from '../core/index.ts';

/** One answer to be scored. */
export interface Case {
  /** The answer's text, as the model gave it. */
  readonly answer: string;
  /** What would have been right; null where the set has no gold answer. */
  readonly expected: Json;
  readonly output: Output;
}

/** A score of 0 to 1, and why, for people. */
export interface Scored {
  readonly score: number;
  readonly why: string;
}

/** What a metric may be told beside the case. Each metric's row says which of these it reads. */
export interface MetricOptions {
  /** What to look for, instead of the expected answer. */
  readonly value?: Json;
  /** Scores from here on count as 1, lower ones as 0. */
  readonly threshold?: number;
  /** Largest relative difference at which two numbers are equal. */
  readonly tolerance?: number;
}

/** A metric is a function and a row: what it measures, whether it can only be 0 or 1, and what it needs. Pure. */
export interface Metric {
  readonly summary: string;
  /** True when the score is always 0 or 1. */
  readonly binary: boolean;
  /** `expected`: the case's gold answer. `value`: an option, or the gold answer without it. `nothing`: the answer alone. */
  readonly needs: 'expected' | 'value' | 'nothing';
  readonly score: (item: Case, options: MetricOptions) => Scored;
}
