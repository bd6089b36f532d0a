import type { Clock } from '../core/index.ts';

/** What a student gives: one label, any number of labels, named values from the text, or a number. */
export type StudentKind = 'classifier' | 'multilabel' | 'extractor' | 'scorer';

/** Every kind of student. */
export const STUDENT_KINDS: readonly StudentKind[] = ['classifier', 'multilabel', 'extractor', 'scorer'];

/** The values of a record: one text per field, or several. */
export type Fields = Readonly<Record<string, string | readonly string[]>>;

/** What a student says about one text. */
export interface StudentPrediction {
  /** The answer in the task's output form: the label; a JSON list of labels; a JSON object by schema; a number. What a model call returns. */
  readonly text: string;
  /** Calibrated P(in scope and right). */
  readonly confidence: number;
  /** P(the text is of a kind that the student was trained for), 0..1. */
  readonly inScope: number;
  readonly outOfScope: boolean;
  /** The best label of a classifier, also when the text is out of scope. */
  readonly label?: string;
  readonly labels?: readonly string[];
  readonly fields?: Fields;
  readonly value?: number;
  /** Tokens that an embedding endpoint counted for this text; absent where none was called. */
  readonly inputTokens?: number;
}

/** One thing in the text that spoke for or against the answer. */
export interface Reason {
  /** A word, a pair of words, or a run of letters as it stands in the text. */
  readonly feature: string;
  /** Its part of the decision value; above 0 it speaks for the answer. */
  readonly contribution: number;
  /** What it speaks for: a label or a field; absent for a scorer. */
  readonly target?: string;
}

/** Why a student answers as it does. */
export interface Explanation {
  readonly prediction: StudentPrediction;
  /** Answers by probability, most probable first; empty where a kind has none to rank. */
  readonly ranked: readonly { readonly label: string; readonly probability: number }[];
  /** Strongest first. Empty for a student over embeddings, whose numbers have no names. */
  readonly reasons: readonly Reason[];
}

/** A trained student, ready to answer. */
export interface Student {
  readonly card: StudentCard;
  /** `sha256:` and the checksum of the model file: what a certificate pins. */
  readonly version: string;
  /** Synchronous; never throws for a text, but NOT_SUPPORTED for a student over embeddings, which must call an endpoint first. */
  predict(text: string): StudentPrediction;
  /** Like `predict` for every student: a promise where an endpoint is called. Rejects with what the endpoint's call throws, or ABORTED. */
  answer(text: string, signal?: AbortSignal | null): StudentPrediction | Promise<StudentPrediction>;
  /** All answers in order, an endpoint being asked in batches. */
  answerAll(texts: readonly string[], signal?: AbortSignal | null): Promise<StudentPrediction[]>;
  /** Why it answers so. */
  explain(text: string, count?: number): Promise<Explanation>;
}

/** What a row says is right: exactly one member, by the student's kind. */
export interface Gold {
  /** Null: none of the labels, the text is out of scope. */
  readonly label?: string | null;
  readonly labels?: readonly string[];
  readonly fields?: Fields;
  readonly value?: number;
}

/** A row to train from. */
export interface TrainingRow extends Gold {
  readonly id?: string | number;
  readonly text: string;
  /** Rows of one conversation are never on both sides of a split. */
  readonly group?: string;
}

/** What a recorded frontier model answered, for pairs that `certify` reads. */
export interface FrontierAnswer {
  /** The answer in the task's output form. */
  readonly answer: unknown;
  /** Quality in [0, 1] where it was scored elsewhere; else it is scored against the gold answer. */
  readonly quality?: number;
  readonly costUsd?: number;
  readonly latencyMs?: number;
}

/** A row to predict. Without a gold member no right answer is known. */
export interface PredictionRow extends TrainingRow {
  readonly frontier?: FrontierAnswer;
}

/** How the student did on rows held out in turn: each row answered by a model that had not seen its text. */
export interface CrossValidation {
  readonly folds: number;
  readonly rows: number;
  /** Share of rows that are wholly right: the label, the exact set of labels, the exact record, a number within the tolerance. */
  readonly accuracy: number;
  /** Expected calibration error over 15 equal-mass bins of the confidence. Its few parameters were fitted on these rows. */
  readonly ece: number;
  readonly aurc: number;
  /** Classifier: mean F1 over the labels. Multi-label and extractor: mean F1 over labels or fields. */
  readonly macroF1?: number;
  /** Classifier: the calibration error of the unscaled softmax. */
  readonly eceUnscaled?: number;
  /** Multi-label: over all (row, label); extractor: over all (row, field value). */
  readonly microF1?: number;
  /** Scorer: mean absolute and root mean square error, and what counts as within the tolerance. */
  readonly mae?: number;
  readonly rmse?: number;
  readonly tolerance?: number;
  /** How well `inScope` tells rows of the kind from others; absent without rows of both sorts. */
  readonly outOfScopeAuroc?: number;
}

/** student.json: what people and tools read about a student without loading it. */
export interface StudentCard {
  readonly format: 'smallfirst-student';
  readonly version: 1;
  readonly kind: StudentKind;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly seed: number;
  readonly rows: number;
  /** Labels of a classifier, fields of an extractor, levels of an ordinal scorer; 0 for a scorer of real numbers. */
  readonly classes: number;
  /** Their names, sorted. */
  readonly labels: readonly string[];
  /** SHA-256 over the training rows in order. */
  readonly dataHash: string;
  /** Of a classifier: what its margins are divided by. */
  readonly temperature?: number;
  /** Size of the vocabulary. */
  readonly features: number;
  readonly crossValidation: CrossValidation;
  readonly trainingSeconds: number;
  readonly model: { readonly file: string; readonly bytes: number; readonly sha256: string };
}

/** Where training stands: `done` of `total` in this phase. */
export interface StudentProgress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
}

/** What training needs. */
export interface TrainStudentOptions {
  readonly rows: readonly TrainingRow[];
  /** Folder to write; an earlier student there is replaced, anything else is refused. */
  readonly outDir: string;
  readonly seed: number;
  readonly clock: Clock;
  readonly onProgress?: (progress: StudentProgress) => void;
  /** Checked before anything is written: an aborted training leaves no trace. */
  readonly signal?: AbortSignal;
}
