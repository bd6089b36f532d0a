/** What one field holds: one value, or several in the order of the text. */
export type FieldValue = string | readonly string[];

/** Values by field name; a field that the text does not tell is absent. */
export type Fields = Readonly<Record<string, FieldValue>>;

/** A text and what is to be extracted from it. */
export interface ExtractionRow {
  readonly text: string;
  readonly fields: Fields;
}

/** Where training stands: `done` of `total` in this phase. */
export interface TaggerProgress {
  readonly phase: 'locate' | 'cross-validate' | 'fit';
  readonly done: number;
  readonly total: number;
}

/** How to train a tagger. */
export interface TaggerOptions {
  /** Fixes the folds and the order of learning: the same rows in the same order and the same seed give the same bytes. */
  readonly seed: number;
  /** Folds for the calibration, from 2; when absent 5, or 3 from 2,000 rows on; never more than there are distinct texts. */
  readonly folds?: number;
  readonly onProgress?: (progress: TaggerProgress) => void;
}

/** A tagger's answer. */
export interface Extraction {
  readonly fields: Fields;
  /** Calibrated P(the whole record is right: every field that is there, and none that is not). */
  readonly confidence: number;
  /** Calibrated P(the field's value is right), for each field in `fields`. */
  readonly perField: Readonly<Record<string, number>>;
  /** Share of the text's words that training saw, 0..1; the words of the found passages count as seen, for they may be new names. An empty text has 0. */
  readonly knownShare: number;
}

/** One feature's part in a field's score, in units of the model's log-odds. */
export interface FieldFeature {
  readonly feature: string;
  readonly weight: number;
}

/** Why a field got its value: the features with the largest weights, largest first. */
export interface FieldExplanation {
  readonly field: string;
  readonly value: string;
  readonly features: readonly FieldFeature[];
}
