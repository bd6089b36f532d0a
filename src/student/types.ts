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
  /** `word`: one or two words in a row; `character`: letters inside a word; `pair`: two words near each other; `tag`: of an extractor, its own word for it. */
  readonly kind: 'word' | 'character' | 'pair' | 'tag' | 'dimension';
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

/** What a row says is right: one member, by the student's kind. Null: the text is out of scope, no answer of that kind is right. */
export interface Gold {
  readonly label?: string | null;
  readonly labels?: readonly string[] | null;
  readonly fields?: Fields | null;
  readonly value?: number | null;
}

/** A row to train from. */
export interface TrainingRow extends Gold {
  readonly id?: string | number;
  readonly text: string;
  /** Conversation or customer: rows of one are one unit of evidence. */
  readonly group?: string;
  /** What the frontier answered, where that was recorded. */
  readonly frontier?: FrontierAnswer;
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
export type PredictionRow = TrainingRow;

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

/** What a student must have a chance at to be kept. */
export interface OutlookRule {
  /** The share of the frontier's quality to keep. */
  readonly floor: number;
  readonly level: number;
  /** A student that could take over less than this share of the traffic is not worth its keep. */
  readonly minShare: number;
}

/** Whether a student could take anything over, as its held-out predictions say. */
export interface Outlook extends OutlookRule {
  /** `none`: no share of the traffic can be accepted at the floor; `too-few`: not even a faultless student could show it with so few rows. */
  readonly verdict: 'promising' | 'none' | 'too-few';
  /** Share of the held-out rows that the test would let it keep. */
  readonly accepted: number;
  /** Independent units tested: rows, or groups of them. */
  readonly units: number;
  /** The fewest units with which anything can pass. */
  readonly fewest: number;
  /** Compared with the frontier's recorded answers, or with a frontier that is always right. */
  readonly against: 'recorded' | 'perfect';
}

/** `quality` adds a small network to the linear model of a classifier. */
export type StudentMode = 'default' | 'quality';

/** What a student is trained over: the text itself, or its embedding. */
export type StudentReads = 'text' | 'embeddings';

/** Where the vectors of a student over embeddings come from. */
export interface EmbeddingSource {
  readonly url: string;
  readonly model: string;
  /** Length of its vectors. */
  readonly dimensions: number;
  /** Name of the environment variable that holds the key; never the key. */
  readonly apiKeyEnv: string | null;
}

/** One way of training that was cross-validated. */
export interface CandidateFigures {
  readonly mode: StudentMode;
  readonly reads: StudentReads;
  readonly accuracy: number;
  readonly ece: number;
  readonly aurc: number;
  readonly seconds: number;
}

/** student.json: what people and tools read about a student without loading it. */
export interface StudentCard {
  readonly format: 'smallfirst-student';
  readonly version: 2;
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
  readonly mode: StudentMode;
  readonly reads: StudentReads;
  /** Null for a student over texts. */
  readonly embeddings: EmbeddingSource | null;
  /** Rows that showed what is out of scope. */
  readonly outOfScopeRows: number;
  /** Rows of the class or field with the fewest; null for a scorer. */
  readonly fewestPerClass: number | null;
  /** Share of the rows that have a near twin among the others: what makes cross-validation look better than traffic will. */
  readonly nearDuplicateShare: number;
  readonly crossValidation: CrossValidation;
  /** Every way that was tried, the chosen one first. */
  readonly candidates: readonly CandidateFigures[];
  readonly outlook: Outlook;
  /** What it goes on from; null for a first training. */
  readonly from: {
    readonly version: string;
    readonly rows: number;
    readonly added: number;
    readonly replaced: number;
    readonly accuracy: number;
  } | null;
  /** The file of the folder that keeps the training rows; null where none were kept. */
  readonly rowsFile: string | null;
  readonly trainingSeconds: number;
  readonly model: { readonly file: string; readonly bytes: number; readonly sha256: string };
}
