import type { Encoding } from './encoding.ts';
import type { Cuts } from './report.ts';

/** All that a prediction needs. */
export interface TriageModel {
  readonly encoding: Encoding;
  /** Column by column, small's weight then big's; the intercepts come last. */
  readonly weights: Float32Array;
  readonly cuts: Cuts;
}
