import type { TrainingProgress } from '../classifier/index.ts';
import type { Clock } from '../core/index.ts';

/** A row to train from. */
export interface TrainingRow {
  readonly text: string;
  readonly label: string;
}

/** A row to predict. `label` absent: no gold label is known; null: the right answer is none of the labels. */
export interface PredictionRow {
  readonly id?: string | number;
  readonly text: string;
  readonly label?: string | null;
}

/** How the student did on rows held out in turn: each row answered by a model that had not seen its text. */
export interface CrossValidation {
  readonly folds: number;
  readonly rows: number;
  readonly accuracy: number;
  readonly macroF1: number;
  /** Expected calibration error over 15 equal-mass bins, after temperature scaling. The temperature was fitted on these rows (one number). */
  readonly ece: number;
  /** The same for the softmax of the margins as they are. */
  readonly eceUnscaled: number;
  readonly aurc: number;
}

/** student.json: what people and tools read about a student without loading it. */
export interface StudentCard {
  readonly format: 'smallfirst-student';
  readonly version: 1;
  readonly kind: 'classifier';
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly seed: number;
  readonly rows: number;
  readonly classes: number;
  readonly labels: readonly string[];
  /** SHA-256 over the training rows in order. */
  readonly dataHash: string;
  readonly temperature: number;
  readonly features: number;
  readonly crossValidation: CrossValidation;
  readonly trainingSeconds: number;
  readonly model: { readonly file: string; readonly bytes: number; readonly sha256: string };
}

/** What training needs. */
export interface TrainStudentOptions {
  readonly rows: readonly TrainingRow[];
  /** Folder to write; an earlier student there is replaced, anything else is refused. */
  readonly outDir: string;
  readonly seed: number;
  readonly clock: Clock;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Checked before anything is written: an aborted training leaves no trace. */
  readonly signal?: AbortSignal;
}
