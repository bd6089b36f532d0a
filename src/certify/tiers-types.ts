import type { FrontierReason, NanoUsd, Verdict } from '../core/index.ts';

/** What one model of a ladder answered to one request. */
export interface LadderAnswer {
  /** 0..1 by the task's metric; 0 or 1 for exact-match tasks. */
  readonly quality: number;
  /** Absent when the model gave none: such an answer is never accepted. */
  readonly confidence?: number;
  readonly cost?: NanoUsd;
  /** What the call costs where the provider's prompt cache does not hold its prompt, as on a tier that is asked only now and then. */
  readonly uncachedCost?: NanoUsd;
  readonly latencyMs?: number;
}

/** One request answered by every model of a ladder. */
export interface LadderRow {
  readonly id: string;
  /** One per model, cheapest first; the last is the ceiling's. */
  readonly answers: readonly LadderAnswer[];
  /** Conversation or customer: rows of one cluster are not independent. */
  readonly cluster?: string;
  /** True where a frozen triage sends the request straight to the ceiling. */
  readonly skip?: boolean;
}

/** The methods that weigh gains as well as losses, which is what a ladder lives by. */
export type TierMethod = 'score' | 'evalue';

export interface TierOptions {
  /** Names, cheapest first; the last is the ceiling. At least two. */
  readonly models: readonly string[];
  /** ρ in (0, 1]: the share of the ceiling's quality to keep. */
  readonly floor: number;
  /** 1 − α in (0, 1). */
  readonly level: number;
  readonly method: TierMethod;
  /** K-th look at a growing sample, from 1; absent for the one planned look. */
  readonly look?: number | undefined;
  /** Largest allowed ratio of the ladder's 95th percentile of latency to the ceiling's; every answer then needs its latency. */
  readonly maxP95LatencyRatio?: number | undefined;
}

/** Why the ceiling stays: as for pairs, or because every policy that keeps the floor is too slow. */
export type TierReason = FrontierReason | 'too-slow';

/** A number for every model by its name. */
export type ByModel<T> = Readonly<Record<string, T>>;

/** One point of the path. `p` is raw: compare it with the result's `delta`. */
export interface TierPoint {
  /** Accept from here on; null where the model has no threshold (see `TierResult.thresholds`). */
  readonly thresholds: ByModel<number | null>;
  /** Share of rows that some model below the ceiling answers. */
  readonly accepted: number;
  readonly p: number;
  /** Policy's quality over the ceiling's; null when the ceiling has none. */
  readonly retained: number | null;
  readonly savings: number | null;
  /** 95th percentile of latency over the ceiling's; null unless every answer that is waited for has its latency. */
  readonly p95LatencyRatio: number | null;
}

/** What certification of a ladder found. Numbers are not rounded. */
export interface TierResult {
  /** Independent units: rows, or clusters where rows name one. */
  readonly n: number;
  readonly pairs: number;
  readonly floor: number;
  readonly level: number;
  /** The method that was used; `requestedMethod` differs when it gave way to the e-value. */
  readonly method: TierMethod;
  readonly requestedMethod: TierMethod;
  readonly look: number | null;
  readonly delta: number;
  /** `swap` when the cheapest model that is asked answers everything; `cascade` when several share; `frontier` when the ceiling stays. */
  readonly verdict: Verdict;
  readonly reason?: TierReason;
  /** Accept from here on. Null: no threshold; the model answers all that reaches it or is never asked, as `askedBy` says. */
  readonly thresholds: ByModel<number | null>;
  /** Share of rows whose answer is this model's; adds up to 1. */
  readonly acceptedBy: ByModel<number>;
  /** Share of rows on which this model is called. What is called and not accepted is paid for all the same. */
  readonly askedBy: ByModel<number>;
  /** Share of rows that some model below the ceiling answers. */
  readonly accepted: number;
  readonly retained: number | null;
  readonly retainedLowerBound: number | null;
  readonly counts: { readonly kept: number; readonly lost: number; readonly gained: number };
  /** 1 − cost of every call of the policy over cost of the ceiling for everything; null when a cost is missing. */
  readonly savings: number | null;
  /** Share of the policy's spending that went to answers thrown away; null when a cost is missing. */
  readonly wasted: number | null;
  readonly p95LatencyRatio: number | null;
  readonly pairsNeeded: number | null;
  readonly grid: readonly TierPoint[];
  readonly notes: readonly string[];
}
