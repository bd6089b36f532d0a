import type { EpochMs, Json, NanoUsd, Output } from '../core/index.ts';

/** Where a row's answer comes from: a recorded answer, an uploaded file, a model that was asked again, or a person. */
export type Provenance = 'log' | 'upload' | 'model-label' | 'human';

/** What a row is for. `train` and `validation` are FIT; `golden` is frozen, never trained on, and raises regression alarms only. */
export type Split = 'train' | 'validation' | 'golden';

/** Every split, in the order of files and reports. */
export const SPLITS: readonly Split[] = ['train', 'validation', 'golden'];

/** A message of a conversation, text alone. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Whose answer a row holds, when a model gave it. */
export interface Teacher {
  /** Name in the registry. */
  readonly model: string;
  readonly provider: string;
  /** As the provider says; null where it does not. */
  readonly served: string | null;
}

/** One row of a data set. */
export interface DatasetRow {
  /** Stable over builds: the client request, the file's own id, or a hash of the content. */
  readonly id: string;
  /** Conversation or customer: rows of one are never in two splits. */
  readonly conversation: string | null;
  readonly at: EpochMs | null;
  /** The task's input as text: what an embedded student reads. */
  readonly text: string;
  /** The whole conversation before the answer, for language models; null where there is nothing but `text`. */
  readonly messages: readonly ChatMessage[] | null;
  /** The right answer in the task's output form; null says that none of the labels is right (out of scope). */
  readonly output: string | null;
  /** An answer to the same input that is worse, for preference training; null for none. */
  readonly rejected: string | null;
  readonly provenance: Provenance;
  /** How the row came to be drawn. Data sets are FIT whatever it says; only pairs of fresh uniform draws certify. */
  readonly drawn: 'uniform' | 'audit' | 'feedback' | 'active' | 'escalated' | 'upload' | 'traffic';
  readonly split: Split;
  /** Null for people's answers and for uploads that name none. */
  readonly teacher: Teacher | null;
  /** Findings that a person may want to look at: `long`, `label-conflict`, `terms`, `private`. */
  readonly flags: readonly RowFlag[];
}

/** `long`: above the token limit; `label-conflict`: a near twin has another answer; `terms`: its teacher's terms restrict training; `private`: private text was found in it. */
export type RowFlag = 'long' | 'label-conflict' | 'terms' | 'private';

/** One kind of node of the graph. Its settings are hashed; equal settings over equal rows are never computed twice. */
export interface NodeRecord {
  readonly kind: 'select' | 'filter' | 'relabel' | 'review' | 'scrub' | 'distinct' | 'split' | 'balance';
  /** SHA-256 of kind, settings, version of the code and what came in. */
  readonly hash: string;
  readonly settings: Json;
  readonly rowsIn: number;
  readonly rowsOut: number;
  /** True when its rows were found by hash. */
  readonly cached: boolean;
  /** What was left out and why, or what was found, by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly cost: NanoUsd | null;
}

/** One file of a stored data set. */
export interface DatasetFile {
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** dataset.json: what a stored version of a data set is. */
export interface DatasetManifest {
  readonly format: 'smallfirst-dataset';
  readonly version: 1;
  readonly name: string;
  /** SHA-256 over the rows of every split: equal hashes are equal data. */
  readonly hash: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly task: string | null;
  readonly output: Output | null;
  /** Rows from the record are of before this time: what is trained on them may be certified on later pairs only. Null where none is. */
  readonly until: EpochMs | null;
  readonly nodes: readonly NodeRecord[];
  readonly files: Readonly<Record<Split, DatasetFile>>;
  readonly report: DatasetReport;
}

/** How long texts are, in tokens of the tokenizer that is bundled. */
export interface LengthReport {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly total: number;
}

/** Answers of one label or of no label (null), over the splits. */
export interface ClassCount {
  readonly label: string | null;
  readonly train: number;
  readonly validation: number;
  readonly golden: number;
}

/** May answers of a provider's models train others? As its terms say, with where and when that was read. */
export interface TermsFlag {
  readonly provider: string;
  readonly rows: number;
  readonly training: 'allowed' | 'restricted' | 'unknown';
  readonly note: string;
  readonly source: string | null;
  readonly asOf: string | null;
}

/** What a person should know of a data set before anything is trained on it. */
export interface DatasetReport {
  readonly rows: Readonly<Record<Split, number>>;
  readonly provenance: Readonly<Record<Provenance, number>>;
  readonly drawn: Readonly<Record<string, number>>;
  readonly teachers: readonly { readonly model: string; readonly served: string | null; readonly rows: number }[];
  readonly terms: readonly TermsFlag[];
  /** Null where the answers are no labels. */
  readonly classes: readonly ClassCount[] | null;
  /** Declared labels without a row to train on, and with fewer than ten. */
  readonly missingLabels: readonly string[];
  readonly rareLabels: readonly string[];
  /** Private texts found, by kind; scrubbed ones were replaced, the others were flagged. */
  readonly privateTexts: { readonly scrubbed: boolean; readonly found: Readonly<Record<string, number>>; readonly rows: number };
  readonly inputTokens: LengthReport;
  readonly outputTokens: LengthReport;
  readonly flags: Readonly<Record<RowFlag, number>>;
}
