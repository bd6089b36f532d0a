import type { EpochMs, Json, NanoUsd } from '../core/index.ts';

/** How a model is trained: on right answers, on pairs of a better and a worse one, or as a classifier that gives no text. */
export type Method = 'sft' | 'dpo' | 'classifier';

/** A call of a tool, as the training files of every provider write it. */
export interface TrainingToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

/** A message of a training row, in the form that providers share. */
export interface TrainingMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string | null;
  readonly name?: string;
  readonly tool_calls?: readonly TrainingToolCall[];
  readonly tool_call_id?: string;
  /** 0: not learnt from, 1: learnt from, which is also what absence means. */
  readonly weight?: 0 | 1;
}

/** The conversation before an answer, and the tools that it may call. */
export interface Conversation {
  readonly messages: readonly TrainingMessage[];
  readonly tools?: readonly Json[];
}

/** One row to learn from. `line` is where it stood in its file, from 1. */
export type FineTuneRow = { readonly line: number; readonly group: string | null } & (
  | ({ readonly kind: 'sft' } & Conversation)
  | { readonly kind: 'dpo'; readonly input: Conversation; readonly preferred: TrainingMessage; readonly rejected: TrainingMessage }
  | { readonly kind: 'classifier'; readonly text: string; readonly labels: Readonly<Record<string, string | readonly string[]>> }
);

/** What is wrong with one line of a training file; line 0 is the file as a whole. */
export interface RowIssue {
  readonly line: number;
  readonly message: string;
}

/** How a base model is trained. What is null is left to the provider. */
export interface Hyperparameters {
  readonly epochs: number;
  readonly learningRate: number | null;
  readonly batchSize: number | null;
  /** Rank of the low-rank adapter; null trains every weight, where the provider can. */
  readonly loraRank: number | null;
  /** How far DPO may move from the base model; null for the provider's own. */
  readonly dpoBeta: number | null;
  /** Longest row in tokens; null for the provider's own. */
  readonly maxTokens: number | null;
  readonly seed: number;
}

/** One file of a job, as it was written for the provider. */
export interface TrainingFile {
  /** Path of the file on this machine. */
  readonly path: string;
  /** Its name at the provider: unique to the job, so that it is found again. */
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  /** Tokens of all rows once, by the bundled tokenizer: other tokenizers differ by some percent. */
  readonly tokens: number;
}

/** What trains: everything that a provider is told. */
export interface JobSpec {
  readonly id: string;
  readonly task: string;
  readonly method: Method;
  readonly baseModel: string;
  readonly hyperparameters: Hyperparameters;
  readonly training: TrainingFile;
  readonly validation: TrainingFile | null;
  /** Of a classifier job: what it decides, and between which labels. */
  readonly targets: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Short name that marks everything of this job at the provider. */
  readonly mark: string;
}

/** Where a job stands. From `succeeded` on nothing changes any more. */
export type JobState =
  | 'created'
  | 'uploading'
  | 'checking'
  | 'priced'
  | 'launching'
  | 'exported'
  | 'queued'
  | 'running'
  | 'cancelling'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'expired';

/** States that a job does not leave. */
export const FINAL_STATES: readonly JobState[] = ['succeeded', 'failed', 'cancelled', 'expired'];

/** Ids of the provider's own files. */
export interface RemoteFiles {
  readonly training: string | null;
  readonly validation: string | null;
}

/** A job as its provider tells of it. */
export interface RemoteJob {
  readonly id: string;
  readonly state: 'exported' | 'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled' | 'expired';
  /** The provider's own word for it. */
  readonly status: string;
  /** Share that is done, 0..1; null where it does not say. */
  readonly progress: number | null;
  /** Name under which the trained model is called or deployed; null until there is one. */
  readonly model: string | null;
  readonly trainedTokens: number | null;
  /** What the provider says that it charges; null where it does not say. */
  readonly cost: NanoUsd | null;
  readonly error: string | null;
}

/** A line of a job's log. */
export interface LogLine {
  readonly at: EpochMs | null;
  readonly text: string;
}

/** What the provider says before a job starts. `held`: the id of a job that it keeps ready, not started and not paid. */
export type ProviderEstimate =
  | { readonly state: 'pending'; readonly why: string }
  | { readonly state: 'unavailable'; readonly why: string; readonly tokens: number | null }
  | { readonly state: 'ready'; readonly cost: NanoUsd; readonly tokens: number | null; readonly held: string | null }
  | { readonly state: 'invalid'; readonly why: string };

/** Whether a provider still trains, as its pages said on a day. */
export interface Standing {
  readonly kind: 'open' | 'closing' | 'deprecated';
  readonly note: string;
  readonly source: string;
  readonly asOf: string;
}

/** What the training files of a provider must be. */
export interface RowRules {
  readonly minRows: number;
  readonly maxRows: number | null;
  readonly maxFileBytes: number | null;
  /** Longest row in tokens; null where none is documented. */
  readonly maxRowTokens: number | null;
  readonly roles: readonly TrainingMessage['role'][];
  /** User and assistant must take turns after the system message. */
  readonly alternates: boolean;
  readonly weights: boolean;
  readonly tools: boolean;
  readonly parallelToolCalls: boolean;
  readonly source: string;
  readonly asOf: string;
}

/** A provider that trains models. Ids are the provider's own; every call may throw an ApiError. */
export interface FineTuneAdapter {
  readonly name: string;
  readonly title: string;
  readonly standing: Standing;
  /** What its files must be, by the methods that it can train; a method that is absent cannot be trained. */
  readonly rules: Readonly<Partial<Record<Method, RowRules>>>;
  /** Writes a row as one JSON value of its training file. */
  encode(row: FineTuneRow): Json;
  /** Says what it cannot do of a specification, before anything is sent; empty when it can. */
  validate(spec: JobSpec): readonly string[];
  /** Id of the file of this name and size that is there already, or null. */
  findFile(file: TrainingFile, signal: AbortSignal): Promise<string | null>;
  /** Sends a file; its id. */
  upload(file: TrainingFile, signal: AbortSignal): Promise<string>;
  /** What the provider itself says of files and price. Starts nothing that is paid. */
  estimate(spec: JobSpec, files: RemoteFiles, signal: AbortSignal): Promise<ProviderEstimate>;
  /** The job that trains on these files already, started or held, or null. */
  find(spec: JobSpec, files: RemoteFiles, signal: AbortSignal): Promise<RemoteJob | null>;
  /** Starts training: from here on it costs money. Never sent twice on its own. */
  launch(spec: JobSpec, files: RemoteFiles, held: string | null, signal: AbortSignal): Promise<RemoteJob>;
  poll(spec: JobSpec, id: string, signal: AbortSignal): Promise<RemoteJob>;
  cancel(spec: JobSpec, id: string, signal: AbortSignal): Promise<RemoteJob>;
  /** Lines of its log, oldest first, as far as the provider keeps one. */
  logs(spec: JobSpec, id: string, signal: AbortSignal): Promise<readonly LogLine[]>;
  /** The chat template that it trained with, as far as that can be known; null where the provider does not show it. */
  template(spec: JobSpec): Promise<TemplateRecord | null>;
}

/** Which chat template a model was trained with. */
export interface TemplateRecord {
  /** SHA-256 of the template, line ends and outer white space aside; null where it is not known. */
  readonly hash: string | null;
  readonly eos: string | null;
  /** The template itself, for showing what differs. */
  readonly template: string | null;
  /** How the fixed probe conversation reads in it; null where nobody rendered it. */
  readonly probe: string | null;
  /** Where it was read. */
  readonly source: string;
}
