import type { EpochMs } from './clock.ts';
import type { StopReason } from './event.ts';
import type { Tier } from './model.ts';
import type { NanoUsd } from './money.ts';
import type { Usage, UsageSource } from './usage.ts';

/** Why a model was called: every attempt is a row of its own, booked to the request that caused it. */
export type Purpose = 'answer' | 'escalation' | 'polish' | 'shadow' | 'audit' | 'judge' | 'eval' | 'passthrough';

/** How an attempt ended. `accepted` is what the client got; the others cost money as well. */
export type Outcome = 'accepted' | 'escalated' | 'invalid' | 'truncated' | 'refused' | 'failed' | 'aborted' | 'observed';

/** The tag under which a row keeps the `system_fingerprint` of its answer: the backend's own name for what answered. */
export const FINGERPRINT_TAG = 'system_fingerprint';

/** One request to one model, as it is recorded. Append-only: nothing changes a row once it is written. */
export interface Call {
  /** UUID version 7: unique, and in order of time. A row that arrives twice is counted once. */
  readonly id: string;
  /** The client's request that caused it; several attempts share one. */
  readonly requestId: string;
  readonly at: EpochMs;
  readonly task: string | null;
  readonly step: string | null;
  readonly pipeline: string | null;
  /** Who pays: the client key's name and its team. */
  readonly key: string | null;
  readonly team: string | null;
  /** Name in the registry. */
  readonly model: string;
  readonly provider: string;
  /** The model that really answered, as the provider says. */
  readonly servedModel: string | null;
  readonly tier: Tier;
  readonly purpose: Purpose;
  readonly outcome: Outcome;
  /** Error code from the error table when `outcome` is `failed`. */
  readonly error: string | null;
  readonly stop: StopReason | null;
  readonly usage: Usage;
  readonly usageSource: UsageSource;
  /** The price that was in force, so that a bill can be recomputed; null when the model has no known price. */
  readonly priceId: string | null;
  /** Null means unpriced, which is loud in every bill and is never the same as free. */
  readonly cost: NanoUsd | null;
  /** Null where a recording holds no latency. */
  readonly latencyMs: number | null;
  /** Time to the first byte of the answer. */
  readonly firstTokenMs: number | null;
  readonly streamed: boolean;
  /** Calibrated P(right), when the task has a signal for this model. */
  readonly confidence: number | null;
  /** Why the policy did what it did: `certified`, `low-confidence`, `last-rung` … */
  readonly decision: string | null;
  /** SHA-256 of the masked prompt template, for traffic that names no task. */
  readonly fingerprint: string | null;
  /** SHA-256 of the request body, when bodies are kept. */
  readonly bodyHash: string | null;
  readonly tags: Readonly<Record<string, string>>;
}

/** Who was asked for what, and how that went: what most calls repeat of others. */
export type CallCombination = Pick<
  Call,
  | 'task'
  | 'step'
  | 'pipeline'
  | 'key'
  | 'team'
  | 'model'
  | 'provider'
  | 'servedModel'
  | 'tier'
  | 'purpose'
  | 'outcome'
  | 'error'
  | 'stop'
  | 'usageSource'
  | 'priceId'
  | 'decision'
  | 'streamed'
>;

/** Whether two calls are of one combination. What differs most often is compared first. */
export function isSameCombination(a: CallCombination, b: CallCombination): boolean {
  return (
    a.model === b.model &&
    a.task === b.task &&
    a.key === b.key &&
    a.outcome === b.outcome &&
    a.stop === b.stop &&
    a.streamed === b.streamed &&
    a.servedModel === b.servedModel &&
    a.priceId === b.priceId &&
    a.decision === b.decision &&
    a.error === b.error &&
    a.step === b.step &&
    a.pipeline === b.pipeline &&
    a.team === b.team &&
    a.provider === b.provider &&
    a.tier === b.tier &&
    a.purpose === b.purpose &&
    a.usageSource === b.usageSource
  );
}
