import type { Call, Certificate, EpochMs, Json, NanoUsd, Purpose } from '../core/index.ts';
import type { LookStore, PairStore, TaskEventStore } from './evidence-types.ts';

export type * from './evidence-types.ts';

/** Calls: append-only rows, with rollups written in the same transaction. */
export interface CallStore {
  /**
   * Writes rows; a row whose id is already there is left alone and counted once. Returns how many were new. All or nothing:
   * a row that cannot be kept as it is (INPUT_INVALID) leaves nothing of the batch behind. Latencies are kept to the microsecond.
   * Names keep 256 characters and no control characters.
   */
  append(calls: readonly Call[]): Promise<number>;
  /** Rows of one client request, oldest first. */
  ofRequest(requestId: string): Promise<readonly Call[]>;
  /** A page of rows, newest first; `before` is the last id of the page before (INPUT_NOT_FOUND when there is no such row). */
  list(filter: CallFilter, page: { readonly limit: number; readonly before?: string }): Promise<readonly Call[]>;
  /**
   * Requests of a task that were closed, oldest first by the call that closed them, each with every attempt made for it, shadows and
   * audits too. `after` is the closing call of the last request of the page before: it may have been pruned meanwhile.
   */
  requests(
    filter: RequestFilter,
    page: { readonly limit: number; readonly after?: Pick<Call, 'at' | 'id'> },
  ): Promise<readonly RecordedRequest[]>;
  /** Which models answered under each name of the registry, by name and then first seen. Reads every row of the span: for a daily check. */
  servedModels(filter: { readonly since: EpochMs; readonly until?: EpochMs; readonly task?: string }): Promise<readonly ServedModel[]>;
  /** What calls of some purposes cost by task, from rollups only, from the whole hour in UTC on that `since` is in. Sorted like a bill. */
  spend(filter: { readonly since: EpochMs; readonly purposes: readonly Purpose[]; readonly task?: string }): Promise<readonly Spend[]>;
  /**
   * The bill of a span from rollups only: never scans rows. `from` and `to` are whole hours in UTC, `to` exclusive (RangeError otherwise).
   * One row per combination that has calls, sorted by its dimensions, nulls first. Sums are exact: one past 2^53 - 1 throws RangeError.
   */
  bill(span: { readonly from: EpochMs; readonly to: EpochMs }, by: readonly BillDimension[]): Promise<readonly BillRow[]>;
  /**
   * Removes rows of before a time; returns how many. Rollups stay, so no bill changes. A row that arrives again afterwards would be
   * counted again: prune only what can no longer come.
   */
  prune(before: EpochMs): Promise<number>;
}

/** Which rows to list: `since` inclusive, `until` exclusive. */
export interface CallFilter {
  readonly task?: string;
  readonly model?: string;
  readonly since?: EpochMs;
  readonly until?: EpochMs;
}

/** Which requests: by the time of the call that closed them, `since` inclusive, `until` exclusive. */
export interface RequestFilter {
  readonly task: string;
  readonly since: EpochMs;
  readonly until?: EpochMs;
}

/** A client request and everything that was called for it. */
export interface RecordedRequest {
  readonly requestId: string;
  /** What the client got: its answer, or the failure that ended it. */
  readonly closing: Call;
  /** Every attempt, oldest first, `closing` among them. */
  readonly calls: readonly Call[];
}

/** A model that answered under a name of the registry. */
export interface ServedModel {
  /** Name in the registry. */
  readonly model: string;
  readonly provider: string;
  /** As the provider says. */
  readonly served: string;
  readonly calls: number;
  readonly firstAt: EpochMs;
  readonly lastAt: EpochMs;
}

/** What a task spent on one purpose. Calls without a known price are counted apart. */
export interface Spend {
  readonly task: string | null;
  readonly purpose: Purpose;
  readonly calls: number;
  readonly unpricedCalls: number;
  readonly cost: NanoUsd;
}

/** What a bill can be split by. `day` reads `2026-01-31`, `hour` reads `2026-01-31T13:00Z`, both in UTC. */
export type BillDimension =
  | 'task'
  | 'step'
  | 'pipeline'
  | 'model'
  | 'provider'
  | 'tier'
  | 'purpose'
  | 'outcome'
  | 'key'
  | 'team'
  | 'day'
  | 'hour';

/** One line of a bill. Money is exact; unpriced calls are counted apart and never as 0. */
export interface BillRow {
  readonly dimensions: Readonly<Partial<Record<BillDimension, string | null>>>;
  /** Attempts: every request to a model, whoever caused it. */
  readonly calls: number;
  /**
   * Client requests that were closed: calls with the outcome `accepted` or `failed` and the purpose `answer`, `escalation`, `polish` or
   * `passthrough`. So an attempt that failed while another rung was still to come is recorded as `escalated`, with its error code.
   */
  readonly requests: number;
  readonly unpricedCalls: number;
  readonly cost: NanoUsd;
  /** Every token of the prompts; `cachedTokens` is the part of it that was read from a cache. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Sum over the calls that have a latency, and how many have one. */
  readonly latencyMsTotal: number;
  readonly latencyCount: number;
}

/** Request and answer bodies, apart from the metrics, by content hash. */
export interface BodyStore {
  /** Keeps bodies as UTF-8. One that is there already only becomes younger, so that pruning keeps what is still referred to. */
  put(bodies: readonly { readonly hash: string; readonly at: EpochMs; readonly body: string }[]): Promise<void>;
  get(hash: string): Promise<string | null>;
  /** Removes bodies last put before a time; returns how many. Calls stay. */
  prune(before: EpochMs): Promise<number>;
}

/** One cell of an eval: an item answered by a model under a prompt and parameters, found again by its key. */
export interface EvalCell {
  /** Hash of task version, item, model snapshot, parameters, prompt and repeat index. */
  readonly key: string;
  readonly run: string;
  readonly item: string;
  readonly model: string;
  readonly at: EpochMs;
  readonly output: string | null;
  readonly quality: number | null;
  readonly confidence: number | null;
  readonly signals: Readonly<Record<string, number>>;
  readonly error: string | null;
  readonly cost: NanoUsd | null;
  readonly latencyMs: number | null;
  readonly detail: Json;
}

/** Cells of evals, found again by key, so that a run can be resumed and a cell is never paid for twice. */
export interface EvalStore {
  /** Writes cells; a cell with the same key replaces an erroneous one and never a good one. */
  put(cells: readonly EvalCell[]): Promise<void>;
  /** The cells of these keys that are there and good: what a resumed run need not ask again. */
  found(keys: readonly string[]): Promise<ReadonlyMap<string, EvalCell>>;
  /** The cells that a run asked for itself, oldest first. */
  ofRun(run: string): Promise<readonly EvalCell[]>;
}

/** Certificates: added and voided, never changed. */
export interface CertificateStore {
  /** Keeps a certificate; one with the same id is left alone. */
  add(certificate: Certificate): Promise<void>;
  /** The newest one of a task that has not been voided, or null. Whether it has expired is the caller's question. */
  current(task: string): Promise<Certificate | null>;
  /** Every one of a task, newest first, with the reason it was voided for, if it was. */
  history(
    task: string,
  ): Promise<readonly { readonly certificate: Certificate; readonly voided: { readonly at: EpochMs; readonly reason: string } | null }[]>;
  /** Voids one for good; the first reason stays. INPUT_NOT_FOUND when there is no such certificate. */
  void(id: string, at: EpochMs, reason: string): Promise<void>;
}

/** What became of an answer, as the client's people or programs say. Several may come for one request. */
export interface Feedback {
  /** UUID version 7. Feedback that arrives twice is kept once. */
  readonly id: string;
  /** The client request that it is about; nothing checks that it was recorded. */
  readonly requestId: string;
  readonly at: EpochMs;
  /** Name of the client key that sent it. */
  readonly key: string | null;
  /** The right answer, or a verdict in the sender's own words. */
  readonly label: string | null;
  /** 0..1 by convention; any finite number is kept. */
  readonly score: number | null;
  readonly comment: string | null;
}

/** Feedback with the call that it is about: the one that closed its request, null where none was recorded. */
export interface JoinedFeedback {
  readonly feedback: Feedback;
  readonly call: Call | null;
}

/** Outcomes, joined to calls by client request. */
export interface FeedbackStore {
  /** Feedback whose id is already there is left alone. Returns how much was new. All or nothing, like calls. */
  append(feedback: readonly Feedback[]): Promise<number>;
  /** Of one client request, oldest first. */
  ofRequest(requestId: string): Promise<readonly Feedback[]>;
  /** A page, newest first, each with its call; with `task`, only feedback on a call of that task. `before` is the last id of the page before. */
  list(
    filter: { readonly task?: string; readonly since?: EpochMs; readonly until?: EpochMs },
    page: { readonly limit: number; readonly before?: string },
  ): Promise<readonly JoinedFeedback[]>;
}

/** A prompt template that traffic is recognised by. */
export interface StoredTemplate {
  /** Its fingerprint, as rows of calls carry it. */
  readonly hash: string;
  /** The masked prompt: no name, number or key of anybody. */
  readonly masked: string;
  readonly at: EpochMs;
}

/** How often a template was used under a task's name, or under none, from the rows of calls. */
export interface TemplateUsage {
  /** Null for calls without a prompt that can be read. */
  readonly fingerprint: string | null;
  readonly task: string | null;
  /** Null where the template itself was not kept. */
  readonly masked: string | null;
  /** Attempts made for clients, and client requests that were closed. */
  readonly calls: number;
  readonly requests: number;
  readonly unpricedCalls: number;
  readonly cost: NanoUsd;
  readonly firstAt: EpochMs;
  readonly lastAt: EpochMs;
}

/** Templates of prompts, and what was done with them. */
export interface TemplateStore {
  /** A template whose hash is already there is left alone. Returns how many were new. */
  put(templates: readonly StoredTemplate[]): Promise<number>;
  /** By template and task, most requests first. Reads every row of the span: for people who ask, not for each request. */
  usage(span: { readonly from: EpochMs; readonly to: EpochMs }): Promise<readonly TemplateUsage[]>;
}

/** Everything that is kept. Each port is small and whole: an adapter that cannot do one of them is not an adapter. */
export interface Store {
  readonly calls: CallStore;
  readonly bodies: BodyStore;
  readonly pairs: PairStore;
  readonly looks: LookStore;
  readonly events: TaskEventStore;
  readonly evals: EvalStore;
  readonly certificates: CertificateStore;
  readonly feedback: FeedbackStore;
  readonly templates: TemplateStore;
  /** After it, everything written before survives a power cut too; a crash of the process alone never loses a write. */
  flush(): Promise<void>;
  /** Waits for what is under way, then lets go of the database. */
  close(): Promise<void>;
}
