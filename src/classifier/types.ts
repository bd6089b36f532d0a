/** A labelled text. */
export interface LabelledText {
  readonly text: string;
  readonly label: string;
}

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
  /** Folds for cross-validation and the temperature, from 2; when absent 5, or 3 from 5,000 rows on; never more than there are distinct texts. */
  readonly folds?: number;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/** What a model said about a row that it had not been trained on. */
export interface HeldOutPrediction {
  readonly label: string;
  /** After temperature scaling. */
  readonly probability: number;
  /** Softmax of the margins as they are. */
  readonly unscaledProbability: number;
  readonly margin: number;
}

/** One label with its calibrated probability. */
export interface LabelProbability {
  readonly label: string;
  readonly probability: number;
}

/** A classifier's answer. */
export interface Prediction {
  readonly label: string;
  /** Calibrated P(this label is right), the student's confidence: softmax(decision values / temperature). */
  readonly probability: number;
  /** Decision value of the label minus that of the runner-up; never negative. */
  readonly margin: number;
}
