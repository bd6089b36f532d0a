import type { EpochMs, Json, NanoUsd, Usage } from '../core/index.ts';
import type { PriceBook, ServiceTier } from '../pricing/index.ts';

/** The formats that logs come in: what `--format` takes. */
export type AuditSource =
  | 'openai-stored'
  | 'openai-batch'
  | 'openai-jsonl'
  | 'openai-usage'
  | 'openai-costs'
  | 'openai-evals'
  | 'anthropic-jsonl'
  | 'anthropic-batch'
  | 'anthropic-usage'
  | 'anthropic-costs'
  | 'litellm-spend'
  | 'litellm-payload'
  | 'langfuse'
  | 'helicone'
  | 'otlp'
  | 'tensorzero'
  | 'openpipe'
  | 'promptfoo'
  | 'smallfirst';

/** What a log says about the task of a call, by where it says it; the first that is there is believed first. */
export interface TaskHints {
  /** A tag, header or metadata member that names the task outright: `task`, `feature`, `use_case` … */
  readonly tag: string | null;
  /** The name of the function or template that asked: Vercel's functionId, TensorZero's function_name, a named generation. */
  readonly functionId: string | null;
  /** The name of a stored prompt. */
  readonly promptName: string | null;
  /** The application's own route or workflow. */
  readonly route: string | null;
}

/** Parameters of the request that say something about the task. Null where the log does not say. */
export interface AuditParameters {
  readonly temperature: number | null;
  readonly maxTokens: number | null;
}

/** Why a call has no cost of ours. Never silent: an unpriced call is not a free one. */
export type UnpricedReason = 'no-usage' | 'no-model' | 'no-price';

/** How a call ended, as far as the log says. `cached` was answered by the application's own cache: no vendor charged for it. */
export type AuditStatus = 'ok' | 'error' | 'cached';

/** One model call out of a log, whatever the log: the row that everything in the audit works on. */
export interface AuditCall {
  /** The source's own join key: `custom_id` of batch files, else the request id, else the response id, else `FILE:LINE`. */
  readonly callId: string;
  readonly source: AuditSource;
  /** The file as it was named by the user, and the line in it (from 1; the line on which the row begins). */
  readonly file: string;
  readonly line: number;
  /** Null where the log holds no time; such calls are priced at the time of the audit. */
  readonly at: EpochMs | null;
  /** In the words of the price list (`openai`, `anthropic`, `aws` …); null where neither the log nor the model's name says it. */
  readonly provider: string | null;
  /** As requested; '' where the log does not say. */
  readonly model: string;
  /** The model that answered, as the provider says. */
  readonly servedModel: string | null;
  /** Path or operation: `/v1/chat/completions`, `chat`, `embeddings` …; null where the log does not say. */
  readonly endpoint: string | null;
  /** Disjoint classes, whatever the vendor counts inside what; null where the log holds no counts. */
  readonly usage: Usage | null;
  readonly serviceTier: ServiceTier;
  /** By our price list at `at`; 0 for a call that no vendor charged; null with `unpriced` set where there is no price. */
  readonly cost: NanoUsd | null;
  readonly unpriced: UnpricedReason | null;
  /** The price that `cost` was computed by. */
  readonly priceId: string | null;
  /** What the log says that it cost; null where it says nothing. */
  readonly reportedCost: NanoUsd | null;
  readonly latencyMs: number | null;
  readonly firstTokenMs: number | null;
  readonly status: AuditStatus;
  /** Error code or message, at most 200 characters. */
  readonly error: string | null;
  readonly hints: TaskHints;
  /** The system prompt, all of it; null where there is none or where the log holds no bodies. */
  readonly system: string | null;
  /** Texts of the user's messages, in order; empty where the log holds no bodies. */
  readonly userTexts: readonly string[];
  /** Names of the tools that were declared. */
  readonly tools: readonly string[];
  /** Names of the tools that the answer called. */
  readonly toolCalls: readonly string[];
  /** What the answer had to look like, as the request said it; null when it said nothing. */
  readonly responseFormat: Json;
  /** The text of the answer; null where there is none (a tool call, a failure) or where the log holds no bodies. */
  readonly output: string | null;
  /** Why the answer ended, in the vendor's word. */
  readonly finish: string | null;
  /** A session, thread or trace that several calls share. */
  readonly conversation: string | null;
  /** Who pays: the key's name (or its hash, as the log has it) and its team. */
  readonly key: string | null;
  readonly team: string | null;
  readonly params: AuditParameters;
}

/** A row of a usage or cost report: what a provider counted or charged for a span, without the calls. */
export interface AuditTotal {
  readonly source: AuditSource;
  readonly file: string;
  readonly line: number;
  readonly from: EpochMs;
  readonly to: EpochMs | null;
  readonly provider: string | null;
  /** Null where the report does not split by model. */
  readonly model: string | null;
  readonly requests: number | null;
  readonly usage: Usage | null;
  readonly serviceTier: ServiceTier;
  /** What the provider charged; null in reports of usage. */
  readonly charged: NanoUsd | null;
  /** What `usage` costs by our price list; null where it is unpriced or where there is no usage. */
  readonly cost: NanoUsd | null;
  /** The line item or cost type, as the report has it. */
  readonly item: string | null;
  /** Project, workspace or key, as the report has it. */
  readonly group: string | null;
}

/** A task that somebody defined already: an eval, with its prompt where it has one. */
export interface AuditDefinition {
  readonly source: AuditSource;
  readonly file: string;
  readonly line: number;
  readonly id: string;
  readonly name: string;
  /** The prompt template of the eval's data source, where it has one. */
  readonly system: string | null;
  readonly user: string | null;
  /** Types of its testing criteria: `string_check`, `label_model` … */
  readonly graders: readonly string[];
  /** Labels that a label grader knows; empty where there is none. */
  readonly labels: readonly string[];
}

/** Rows that were left out for one reason. */
export interface SkippedRows {
  readonly reason: string;
  readonly count: number;
  /** `FILE:LINE` of the first. */
  readonly firstLine: string;
}

/** Rows of files: `read` = `kept` + `joined` + the sum of `skipped`. */
export interface RowCounts {
  readonly read: number;
  /** Rows that became a call, a total or a definition. */
  readonly kept: number;
  /** Rows that belong to a kept one: the input line of a batch, a message of a stored completion. */
  readonly joined: number;
  readonly skipped: readonly SkippedRows[];
}

/** Models or tiers without a price, or rows without counts, and how many calls that hits. */
export interface UnpricedCalls {
  readonly reason: UnpricedReason;
  readonly provider: string | null;
  readonly model: string;
  readonly calls: number;
  /** `FILE:LINE` of the first. */
  readonly firstLine: string;
}

/** What was odd about counts of tokens, how often, and where first: such counts are clamped, never negative. */
export interface UsageFlag {
  readonly sentence: string;
  readonly count: number;
  readonly firstLine: string;
}

/** Something broken: a file that cannot be read to its end, or a row that is no row. What could be read was. */
export interface ReadError {
  readonly file: string;
  /** Null where no line can be told. */
  readonly line: number | null;
  readonly message: string;
  /** Rows of the file that are broken in the same way; the line is the first one's. */
  readonly count: number;
}

/** Spend of one day, provider and model, as the logs and our prices have it. */
export interface DaySpend {
  /** `2026-01-31` in UTC; null for calls without a time. */
  readonly day: string | null;
  readonly provider: string | null;
  /** The model that was priced: the one that answered where it has a price, else the requested one. */
  readonly model: string;
  readonly calls: number;
  readonly unpricedCalls: number;
  readonly cost: NanoUsd;
  /** Sum over the calls whose log says what they cost. */
  readonly reportedCost: NanoUsd;
}

/** What one file turned out to be. */
export interface AuditFile {
  readonly file: string;
  /** Null for a file that nobody recognises; its rows are all skipped. */
  readonly source: AuditSource | null;
  readonly rows: RowCounts;
  readonly calls: number;
}

/** Everything that reading logs gave besides the calls themselves. */
export interface ReadReport {
  readonly files: readonly AuditFile[];
  readonly rows: RowCounts;
  /** Calls that were handed on, and exact sums over them. */
  readonly calls: number;
  readonly cost: NanoUsd;
  readonly reportedCost: NanoUsd;
  readonly unpricedCalls: number;
  readonly unpriced: readonly UnpricedCalls[];
  readonly flags: readonly UsageFlag[];
  /** What is broken, by file and kind: anything here is worth an exit status of 2. */
  readonly errors: readonly ReadError[];
  /** By day, provider and model; what an invoice is held against. */
  readonly byDay: readonly DaySpend[];
  readonly definitions: readonly AuditDefinition[];
  /** Rows of usage and cost reports, summed per source, day, provider, model, tier, item and group. */
  readonly totals: readonly AuditTotal[];
  /** First and last time of a call. */
  readonly firstAt: EpochMs | null;
  readonly lastAt: EpochMs | null;
}

/** How logs are read. */
export interface ReadOptions {
  readonly files: readonly string[];
  /** What all files are; each is recognised by its first rows unless given. */
  readonly format?: AuditSource;
  /** Prices; what it warns of is in the report's `unpriced` as well. */
  readonly book: PriceBook;
  /** The time at which calls without one are priced. */
  readonly now: EpochMs;
  /** Gets the calls in batches, in the order of files and lines; the next batch waits for it. */
  readonly onCalls: (calls: readonly AuditCall[]) => void | Promise<void>;
}
