import type { Passage } from './passages.ts';
import type { FieldValue } from './types.ts';

/** What is known about a record before calibration. */
export interface RawExtraction {
  readonly fields: Record<string, FieldValue>;
  /** Each field's probability by the model itself. */
  readonly probabilities: Record<string, number>;
  /** Where each field's passages lie; empty for a choice. */
  readonly passages: readonly Passage[];
  /** log P of the best tagging plus those of the choices. */
  readonly logBest: number;
  /** Share of all words that training saw, and the same with the words of the passages counted as seen. */
  readonly knownShare: number;
  readonly knownOutside: number;
}
