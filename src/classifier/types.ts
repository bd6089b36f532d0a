/** What a student reads: a text, or a vector (an embedding) of the length that it was trained with. */
export type StudentInput = string | Float32Array;

/** A text and its label; null marks an example of what the student was not made for. */
export interface LabelledText {
  readonly text: string;
  readonly label: string | null;
}

/** A text and all of its labels, perhaps none; null marks an example of what the student was not made for. */
export interface MultilabelText {
  readonly text: string;
  readonly labels: readonly string[] | null;
}

/** A text and its number; null marks an example of what the student was not made for. */
export interface ScoredText {
  readonly text: string;
  readonly value: number | null;
}

/** The same row with an embedding in the place of its text. All vectors of a training have one length. */
export type Dense<Row> = Omit<Row, 'text'> & { readonly vector: Float32Array };

/** `quality` adds a small network to the linear model: a little more right, four times slower to train, twice to predict. */
export type TrainingMode = 'default' | 'quality';

/** Where training stands: `done` of `total` in this phase. */
export interface TrainingProgress {
  readonly phase: 'scan' | 'cross-validate' | 'fit';
  readonly done: number;
  readonly total: number;
}

/** How to train. */
export interface TrainingOptions {
  /** Fixes the folds and the solver's order: the same rows in the same order and the same seed give the same bytes. */
  readonly seed: number;
  /** Of classifiers over texts only; when absent `default`. */
  readonly mode?: TrainingMode;
  /** Folds for cross-validation and calibration, from 2; when absent 5, or 3 from 5,000 rows on; never more than there are distinct texts. */
  readonly folds?: number;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/** How to train a scorer. */
export interface ScorerOptions extends TrainingOptions {
  /** Largest error that counts as right; when absent 0.5 for ordinal targets, else half a standard deviation of the targets. */
  readonly tolerance?: number;
}

/** What every kind of student says beside its answer. */
export interface Certainty {
  /** Calibrated P(in scope and right). */
  readonly confidence: number;
  /** P(the input is of a kind that the student was trained for), 0..1. */
  readonly inScope: number;
  /** `inScope` lies below the threshold that was chosen on held-out rows. */
  readonly outOfScope: boolean;
}

/** One label with its calibrated probability. */
export interface LabelProbability {
  readonly label: string;
  readonly probability: number;
}

/** A classifier's answer. */
export interface Prediction extends Certainty {
  /** The best label, also when the text is out of scope. */
  readonly label: string;
  /** Calibrated P(this label is right | in scope). */
  readonly probability: number;
  /** Decision value of the label minus that of the runner-up; never negative. */
  readonly margin: number;
}

/** What a classifier said about a row that it had not been trained on. */
export interface HeldOutPrediction extends Prediction {
  /** Softmax of the margins as they are. */
  readonly unscaledProbability: number;
}

/** A multi-label classifier's answer. */
export interface MultilabelPrediction extends Certainty {
  /** Every label whose probability reaches its own threshold, in the order of the model's labels; perhaps none. */
  readonly labels: readonly string[];
  /** Calibrated probability of every label, in the order of the model's labels. */
  readonly probabilities: Float64Array;
}

/** A scorer's answer. */
export interface ScorePrediction extends Certainty {
  /** Within the range of the training rows; one of their values when they are ordinal. */
  readonly value: number;
}

/** A feature of the text at hand and what it did to the answer. */
export interface FeatureContribution {
  /** `word`: one or two words in a row; `character`: letters inside a word; `pair`: two words near each other; `dimension`: one of an embedding. */
  readonly kind: 'word' | 'character' | 'pair' | 'dimension';
  /** As a reader would find it in the text; `^` and `$` are its begin and end. */
  readonly text: string;
  /** What it added to the answer's decision value (minus that of `against`), or to a scorer's value; negative speaks against the answer. */
  readonly contribution: number;
}

/** Why a student answered as it did. */
export interface Explanation {
  /** The label (or the number) that is explained. */
  readonly answer: string;
  /** The runner-up that it was compared with; null where it is compared with "not this label", or for a number. */
  readonly against: string | null;
  /** The strongest first. */
  readonly features: readonly FeatureContribution[];
}
