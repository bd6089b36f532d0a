import type { Boundary, Capability, EpochMs, NanoUsd, Outcome, Tier } from '../core/index.ts';

/** A rung of a task's ladder as the policy sees it: what it can do, what it would cost, from where on it is trusted. */
export interface Rung {
  readonly model: string;
  readonly tier: Tier;
  readonly boundary: Boundary;
  readonly capabilities: ReadonlySet<Capability>;
  /** Tokens that fit, prompt and answer together; null when unknown (then it is taken to fit). */
  readonly contextWindow: number | null;
  /** Worst-case cost of calling it for this request; null when it has no price. */
  readonly estimatedCost: NanoUsd | null;
  /** Typical time to answer; null when unknown. */
  readonly estimatedMs: number | null;
  /**
   * What allows this rung to answer. `certified`: accept from `threshold` on (null accepts every valid answer: a swap).
   * `fixed`: the same by a person's number, never certified. `uncertified`: may not answer while a better rung is feasible.
   * The last rung is the ceiling and needs no licence.
   */
  readonly licence:
    | { readonly kind: 'certified'; readonly threshold: number | null }
    | { readonly kind: 'fixed'; readonly threshold: number }
    | { readonly kind: 'uncertified' };
  /** False while a circuit breaker or a person has taken the rung out. */
  readonly available: boolean;
}

/** What came back from a rung. */
export interface Attempt {
  readonly model: string;
  /** `complete` is a whole, valid answer; everything else can never be served while a feasible rung is left. */
  readonly result: 'complete' | Extract<Outcome, 'invalid' | 'truncated' | 'refused' | 'failed'>;
  /** Calibrated P(right); null counts as 0. */
  readonly confidence: number | null;
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
  readonly tried: readonly Attempt[];
  readonly need: Need;
  /** Where to start, by a triage made before the call: the index of a rung, 0 without one. */
  readonly startAt: number;
  /** True when the answer goes to a customer and the task asks for a last pass by the ceiling. */
  readonly polish: boolean;
  /** Money left for this request; null when no budget applies. */
  readonly budgetLeft: NanoUsd | null;
  readonly now: EpochMs;
  readonly deadlineAt: EpochMs | null;
}

export type CallReason =
  | 'start'
  | 'triaged'
  | 'low-confidence'
  | 'invalid-answer'
  | 'truncated'
  | 'refused'
  | 'failed'
  | 'uncertified'
  | 'polish';
export type AnswerReason = 'certified' | 'fixed-threshold' | 'ceiling' | 'polished' | 'no-budget' | 'deadline' | 'last-feasible';
export type RefuseReason = 'no-feasible-model' | 'no-budget' | 'deadline' | 'all-failed';

/** What to do next: call a rung, answer with an attempt already made (its index in `tried`), or give up. */
export type Action =
  | { readonly do: 'call'; readonly model: string; readonly why: CallReason }
  | { readonly do: 'answer'; readonly attempt: number; readonly why: AnswerReason; readonly certified: boolean }
  | { readonly do: 'refuse'; readonly why: RefuseReason };
