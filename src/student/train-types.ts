import type { Clock, Json } from '../core/index.ts';
import type { Embedder } from '../providers/index.ts';
import type { Gold, OutlookRule, StudentCard, StudentKind, StudentMode, StudentPrediction, StudentReads, TrainingRow } from './types.ts';

/** Where training stands: `done` of `total` in this phase. */
export interface StudentProgress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

/** One way to train. */
export interface Candidate {
  readonly mode: StudentMode;
  readonly reads: StudentReads;
}

/** The endpoint that turns texts into vectors, and how the card names it. */
export interface EmbeddingChoice {
  readonly embedder: Embedder;
  readonly url: string;
  /** Name of the environment variable that holds the key; null for none. */
  readonly apiKeyEnv: string | null;
}

/** One model to fit: plain data, which can go to another thread. */
export interface FitJob {
  readonly kind: StudentKind;
  readonly mode: StudentMode;
  readonly seed: number;
  readonly rows: readonly (Gold & { readonly text: string })[];
  /** The rows' vectors, in order; null for a student over texts. */
  readonly vectors: readonly Float32Array[] | null;
  /** True also finds which rows have a near twin among the others. */
  readonly findTwins: boolean;
  /** Kept with the model: what it was trained from. */
  readonly metadata: { readonly [key: string]: Json };
}

/** A fitted model and what it said about every row while that was held out. */
export interface Fitted {
  readonly model: Uint8Array;
  readonly heldOut: readonly StudentPrediction[];
  readonly folds: number;
  /** What it can answer: labels, or names of fields; none for real numbers. */
  readonly labels: readonly string[];
  readonly features: number;
  /** Share of the rows that have a near twin, where that was asked for. */
  readonly twinShare?: number;
  readonly temperature?: number;
  /** Of a classifier: the unscaled probability of every held-out answer. */
  readonly unscaled?: readonly number[];
  /** Of a scorer: the error that counts as right. */
  readonly tolerance?: number;
}

/** Fits a model, here or in another thread. Throws INPUT_INVALID for rows that nothing can be learnt from, ABORTED when the signal fires. */
export type Fitter = (
  job: FitJob,
  hooks: { readonly signal: AbortSignal | null; readonly onProgress: (progress: StudentProgress) => void },
) => Promise<Fitted>;

/** What training needs. */
export interface TrainStudentOptions {
  readonly rows: readonly TrainingRow[];
  /** Folder to write; an earlier student there is replaced, anything else is refused. */
  readonly outDir: string;
  readonly seed: number;
  readonly clock: Clock;
  /** `classifier` when absent. */
  readonly kind?: StudentKind;
  /** What to try; the default mode over texts when absent. Of more than one, cross-validation chooses. */
  readonly candidates?: readonly Candidate[];
  /** Asked for the vectors of candidates over embeddings. */
  readonly embeddings?: EmbeddingChoice;
  /** What the student must have a chance at; floor .98 at level .95 and a twentieth of the traffic when absent. */
  readonly rule?: OutlookRule;
  /** True writes nothing when the outlook is `none`. */
  readonly refuseHopeless?: boolean;
  /** True keeps the rows in the folder, so that the next training can go on from it. */
  readonly keepRows?: boolean;
  readonly from?: StudentCard['from'];
  /** Folder of an earlier student whose vectors need not be paid for again; the one that is replaced is looked at anyway. */
  readonly vectorsFrom?: string;
  /** Where fitting happens; in this thread when absent. */
  readonly fitter?: Fitter;
  readonly onProgress?: (progress: StudentProgress) => void;
  /** Checked before anything is written: an aborted training leaves no trace. */
  readonly signal?: AbortSignal;
}

/** A training's result. */
export interface TrainedStudent {
  readonly card: StudentCard;
  /** What was said about each row while it was held out, in the order of the rows. */
  readonly heldOut: readonly StudentPrediction[];
  /** False when the student was refused: then nothing was written. */
  readonly isWritten: boolean;
}
