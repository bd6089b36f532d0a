import type { Call, Certificate, EpochMs, Json, NanoUsd } from '../core/index.ts';

/** Calls: append-only rows, with rollups written in the same transaction. */
export interface CallStore {
  /** Writes rows; a row whose id is already there is left alone and counted once. Returns how many were new. All or nothing. */
  append(calls: readonly Call[]): Promise<number>;
  /** Rows of one client request, oldest first. */
  ofRequest(requestId: string): Promise<readonly Call[]>;
  /** A page of rows, newest first; `before` is the last id of the page before. */
  list(filter: CallFilter, page: { readonly limit: number; readonly before?: string }): Promise<readonly Call[]>;
  /** The bill of a span from rollups only: never scans rows. `from` and `to` are whole hours, `to` exclusive. */
  bill(span: { readonly from: EpochMs; readonly to: EpochMs }, by: readonly BillDimension[]): Promise<readonly BillRow[]>;
}

export interface CallFilter {
  readonly task?: string;
  readonly model?: string;
  readonly since?: EpochMs;
  readonly until?: EpochMs;
}

export type BillDimension = 'task' | 'step' | 'model' | 'provider' | 'tier' | 'purpose' | 'outcome' | 'key' | 'team' | 'day' | 'hour';

/** One line of a bill. Money is exact; unpriced calls are counted apart and never as 0. */
export interface BillRow {
  readonly dimensions: Readonly<Partial<Record<BillDimension, string | null>>>;
  readonly calls: number;
  readonly unpricedCalls: number;
  readonly cost: NanoUsd;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Sum over the calls that have a latency, and how many have one. */
  readonly latencyMsTotal: number;
  readonly latencyCount: number;
}

/** Request and answer bodies, apart from the metrics, by content hash. */
export interface BodyStore {
  put(bodies: readonly { readonly hash: string; readonly at: EpochMs; readonly body: string }[]): Promise<void>;
  get(hash: string): Promise<string | null>;
  /** Removes bodies older than a time; returns how many. Calls stay. */
  prune(before: EpochMs): Promise<number>;
}

/** A recorded pair: evidence for a certificate. */
export interface StoredPair {
  readonly id: string;
  readonly task: string;
  readonly small: string;
  readonly big: string;
  readonly at: EpochMs;
  /** How the row was drawn: only uniform draws may certify. */
  readonly drawn: 'uniform' | 'audit' | 'feedback' | 'active' | 'upload';
  /** Probability with which it was drawn, in (0, 1]. */
  readonly inclusion: number;
  readonly cluster: string | null;
  readonly smallQuality: number;
  readonly bigQuality: number;
  readonly confidence: number | null;
  readonly signals: Readonly<Record<string, number>>;
  readonly smallCost: NanoUsd | null;
  readonly bigCost: NanoUsd | null;
  readonly smallLatencyMs: number | null;
  readonly bigLatencyMs: number | null;
}

export interface PairStore {
  /** A pair whose (task, small, big, id) is already there is left alone. Returns how many were new. */
  append(pairs: readonly StoredPair[]): Promise<number>;
  list(query: {
    readonly task: string;
    readonly small: string;
    readonly big: string;
    readonly since?: EpochMs;
  }): Promise<readonly StoredPair[]>;
  count(query: { readonly task: string; readonly small: string; readonly big: string }): Promise<number>;
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

export interface EvalStore {
  /** Writes cells; a cell with the same key replaces an erroneous one and never a good one. */
  put(cells: readonly EvalCell[]): Promise<void>;
  /** The cells of these keys that are there and good: what a resumed run need not ask again. */
  found(keys: readonly string[]): Promise<ReadonlyMap<string, EvalCell>>;
  ofRun(run: string): Promise<readonly EvalCell[]>;
}

export interface CertificateStore {
  /** Keeps a certificate; one with the same id is left alone. */
  add(certificate: Certificate): Promise<void>;
  /** The newest one of a task that has not been voided, or null. Whether it has expired is the caller's question. */
  current(task: string): Promise<Certificate | null>;
  /** Every one of a task, newest first, with the reason it was voided for, if it was. */
  history(
    task: string,
  ): Promise<readonly { readonly certificate: Certificate; readonly voided: { readonly at: EpochMs; readonly reason: string } | null }[]>;
  void(id: string, at: EpochMs, reason: string): Promise<void>;
}

/** Everything that is kept. Each port is small and whole: an adapter that cannot do one of them is not an adapter. */
export interface Store {
  readonly calls: CallStore;
  readonly bodies: BodyStore;
  readonly pairs: PairStore;
  readonly evals: EvalStore;
  readonly certificates: CertificateStore;
  close(): Promise<void>;
}
