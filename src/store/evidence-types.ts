import type { CertifyMethod, EpochMs, Json, NanoUsd, Verdict } from '../core/index.ts';

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
  /** The client request that it comes from: later labels and feedback are joined by it when pairs are read. Null for an upload. */
  readonly requestId: string | null;
  /** The certificate that was in force when an `audit` row was drawn. */
  readonly certificate: string | null;
  /** Hash of the task's prompt: pairs of another prompt are other evidence. */
  readonly prompt: string | null;
  /** The models that really answered, as their providers say. */
  readonly servedSmall: string | null;
  readonly servedBig: string | null;
  /** The request's text, only where the task's capture keeps texts; redacted there. */
  readonly input: string | null;
  /** What was answered: a label always, other texts only where the task's capture keeps them. */
  readonly smallOutput: string | null;
  readonly bigOutput: string | null;
  /** Who said the qualities: `agreement`, `label`, or `judge:<model>`. */
  readonly by: string;
  /** Whether a frozen triage sent the request to the ceiling before the small model was asked. */
  readonly skip: boolean;
}

/** Which pairs: `since` inclusive, `until` exclusive; a member that is absent does not restrict. */
export interface PairQuery {
  readonly task: string;
  readonly small?: string;
  readonly big?: string;
  readonly since?: EpochMs;
  readonly until?: EpochMs;
  readonly drawn?: StoredPair['drawn'];
  readonly certificate?: string;
}

/** Recorded pairs, by task and the two models compared. */
export interface PairStore {
  /** A pair whose (task, small, big, id) is already there is left alone. Returns how many were new. All or nothing. */
  append(pairs: readonly StoredPair[]): Promise<number>;
  /** Oldest first, by time and then by id; with `limit`, at most so many of the oldest. */
  list(query: PairQuery & { readonly limit?: number }): Promise<readonly StoredPair[]>;
  count(query: PairQuery): Promise<number>;
}

/** One attempt to certify: what it cost of the error that may be spent, and what it found. Never changed. */
export interface Look {
  readonly id: string;
  readonly task: string;
  readonly small: string;
  readonly big: string;
  /** Hash of what makes evidence one kind (pins, prompt, method): a new series starts again at `k` = 1. */
  readonly series: string;
  /** Number within its series, from 1. */
  readonly k: number;
  /** Pairs that it certified on. */
  readonly n: number;
  /** The error that it spent. */
  readonly delta: number;
  readonly at: EpochMs;
  /** Who asked: the doubling schedule, a person, a retrained candidate, a newly chosen signal, or a review. */
  readonly by: 'schedule' | 'person' | 'retrained' | 'signal' | 'review';
  readonly method: CertifyMethod;
  readonly verdict: Verdict | 'not-enough';
  readonly retained: number | null;
  readonly lowerBound: number | null;
  /** The certificate that it led to. */
  readonly certificate: string | null;
}

/** Looks at growing evidence. */
export interface LookStore {
  /**
   * Keeps a look; one with the same id is left alone. INPUT_INVALID when its number is taken in its series (of this task and these two
   * models): the same share of the error is never spent twice, by whatever process.
   */
  add(look: Look): Promise<void>;
  /** Oldest first, by time and then by number. */
  list(query: {
    readonly task: string;
    readonly small?: string;
    readonly big?: string;
    readonly series?: string;
  }): Promise<readonly Look[]>;
}

/** What happened to a task's routing. */
export type TaskEventKind =
  | 'proposed'
  | 'approved'
  | 'stage'
  | 'alarm'
  | 'provisional'
  | 'rollback'
  | 'voided'
  | 'covariate'
  | 'recovered'
  | 'shadow-budget'
  | 'deprecation'
  | 'drift'
  // The life of a model's version: entered the gate, asked the golden set, took a task over, gave it back by a person's word, left for good.
  | 'candidate'
  | 'golden'
  | 'promoted'
  | 'reverted'
  | 'retired';

/** One thing that happened to a task's routing, with its reason. Never changed. */
export interface TaskEvent {
  /** UUID version 7. An event that arrives twice is kept once. */
  readonly id: string;
  readonly task: string;
  readonly at: EpochMs;
  readonly kind: TaskEventKind;
  readonly certificate: string | null;
  /** One sentence for people. */
  readonly reason: string;
  /** The numbers behind it. */
  readonly detail: Json;
}

/** What happened to tasks, in order. */
export interface TaskEventStore {
  /** An event whose id is already there is left alone. Returns how many were new. All or nothing. */
  add(events: readonly TaskEvent[]): Promise<number>;
  /** Oldest first, by time and then by id; `since` inclusive. With `limit`, only so many of the newest, still oldest first. */
  list(query: {
    readonly task?: string;
    readonly kinds?: readonly TaskEventKind[];
    readonly since?: EpochMs;
    readonly limit?: number;
  }): Promise<readonly TaskEvent[]>;
}
