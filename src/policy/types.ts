import type { Boundary, Capability, EpochMs, NanoUsd, Outcome, Tier } from '../core/index.ts';

/** Why a rung below the ceiling has no licence. */
export type UncertifiedReason =
  | 'no-certificate'
  | 'other-model'
  | 'other-ceiling'
  | 'frontier-verdict'
  | 'malformed'
  | 'expired'
  | 'pins-changed';

/**
 * What allows a rung to answer. The last rung of a ladder is the ceiling and needs none.
 * `certified`: accept from `threshold` on, by a confidence that is there; null accepts every valid answer (a swap).
 * `fixed`: the same by a person's number, never certified; a missing confidence counts as 0.
 * `uncertified`: is called only while nothing better is feasible, and never answers as certified.
 */
export type Licence =
  | { readonly kind: 'certified'; readonly threshold: number | null }
  | { readonly kind: 'fixed'; readonly threshold: number }
  | { readonly kind: 'uncertified'; readonly why: UncertifiedReason };

/** A rung of a task's ladder as the policy sees it: what it can do, what it would cost, from where on it is trusted. */
export interface Rung {
  readonly model: string;
  readonly tier: Tier;
  readonly boundary: Boundary;
  readonly capabilities: ReadonlySet<Capability>;
  /** Tokens that fit, prompt and answer together; null when unknown (then it is taken to fit). */
  readonly contextWindow: number | null;
  /** Worst-case cost of calling it for this request; null when it has no price: such a rung never fits a budget. */
  readonly estimatedCost: NanoUsd | null;
  /** Typical time to answer; null when unknown (then it is tried until the deadline itself). */
  readonly estimatedMs: number | null;
  readonly licence: Licence;
  /** False while a circuit breaker or a person has taken the rung out. */
  readonly available: boolean;
}

/**
 * How an attempt ended: `complete` is a whole, valid answer; `abandoned` was broken off by us, because its confidence could not meet the
 * threshold any more: it is part of an answer and never one.
 */
export type AttemptResult = 'complete' | 'abandoned' | Extract<Outcome, 'invalid' | 'truncated' | 'refused' | 'failed'>;

/** What came back from a rung. */
export interface Attempt {
  readonly model: string;
  readonly result: AttemptResult;
  /** Calibrated P(right); null when there is none, which never meets a certified threshold. */
  readonly confidence: number | null;
  /** What it took from the budget: its cost, or its estimate where the cost is not known. */
  readonly cost: NanoUsd;
}

/** What the request needs of any model. */
export interface Need {
  readonly capabilities: ReadonlySet<Capability>;
  /** Prompt tokens plus the answer's cap. */
  readonly tokens: number;
  /** Boundaries that the data may enter; null allows all. */
  readonly boundaries: ReadonlySet<Boundary> | null;
}

/** Everything that the next decision may depend on. */
export interface Evidence {
  /** Cheapest first; the last is the ceiling. */
  readonly ladder: readonly Rung[];
  /** Attempts so far, oldest first. */
  readonly tried: readonly Attempt[];
  readonly need: Need;
  /** Where to start, by a triage made before the call: the index of a rung, 0 without one. */
  readonly startAt: number;
  /** True when the answer goes to a customer and the task asks for a last pass by the ceiling. */
  readonly polish: boolean;
  /** Money for this request, attempts included; null when no budget applies. */
  readonly budget: NanoUsd | null;
  readonly now: EpochMs;
  readonly deadlineAt: EpochMs | null;
}

/** Why a rung cannot be called for this request now. */
export type InfeasibleReason = 'unavailable' | 'boundary' | 'capability' | 'context-window' | 'unpriced' | 'budget' | 'deadline';

/**
 * Why a model is called. `uncertified`: the first rung asked, because cheaper feasible ones hold no licence;
 * `stand-in`: an unlicensed rung, because no licensed one can answer any more.
 */
export type CallReason =
  | 'start'
  | 'triaged'
  | 'uncertified'
  | 'low-confidence'
  | 'invalid-answer'
  | 'truncated'
  | 'refused'
  | 'failed'
  | 'stand-in'
  | 'polish';

/**
 * Why an attempt is the answer. `no-budget`, `deadline`: a better rung (or the polish) did not fit; `last-feasible`: it could not
 * be called or failed. `incomplete`: nothing complete came from anywhere, so the highest rung's words stand, with their stop reason.
 */
export type AnswerReason =
  | 'certified'
  | 'fixed-threshold'
  | 'ceiling'
  | 'ceiling-refused'
  | 'polished'
  | 'no-budget'
  | 'deadline'
  | 'last-feasible'
  | 'incomplete';

export type RefuseReason = 'no-feasible-model' | 'no-budget' | 'deadline' | 'all-failed';

/**
 * What to do next: call a rung, answer with an attempt already made (its index in `tried`), or give up.
 * `certified` means that the floor is kept: by a certificate in force, or because the ceiling itself answered.
 */
export type Action =
  | { readonly do: 'call'; readonly model: string; readonly why: CallReason }
  | { readonly do: 'answer'; readonly attempt: number; readonly why: AnswerReason; readonly certified: boolean }
  | { readonly do: 'refuse'; readonly why: RefuseReason };
