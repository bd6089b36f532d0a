import type { LockedCertificate, TaskConfig } from '../config/index.ts';
import type { EpochMs, NanoUsd } from '../core/index.ts';
import type { RetainedEstimate } from '../monitor/index.ts';
import type { Look, StoredPair, TaskEvent } from '../store/types.ts';

/**
 * What a review says of a task. `new`: the first certificate waits for approval. `renewed`, `loosened`, `tightened`: another one waits,
 * and the small model would keep about as much, more or less of the traffic. `void`: the certificate may not route any more.
 * `in-force`: nothing is to be done. `not-enough`: there is too little evidence. `frontier`: the evidence says that the ceiling stays.
 */
export type ReviewVerdict = 'new' | 'renewed' | 'loosened' | 'tightened' | 'void' | 'in-force' | 'not-enough' | 'frontier';

/** A passed look that a person has not approved yet. */
export interface Proposal {
  readonly certificate: LockedCertificate;
  /** Null where its event does not hold it. */
  readonly look: Pick<Look, 'k' | 'n' | 'delta'> | null;
  readonly at: EpochMs;
}

/** Where the evidence of a candidate stands. */
export interface CandidateEvidence {
  readonly small: string;
  /** Pairs that a look would certify on now, and how many the schedule waits for. */
  readonly n: number;
  readonly size: number;
  /** Number of its next look. */
  readonly k: number;
  /** About how many more pairs of traffic until the next scheduled look; 0 when it is due. */
  readonly missing: number;
}

/** Everything that the review of a task is decided from. */
export interface ReviewQuestion {
  readonly name: string;
  /** Null where only the lock file still knows the task. */
  readonly task: Pick<TaskConfig, 'name' | 'mode' | 'ladder'> | null;
  readonly locked: LockedCertificate | null;
  readonly proposals: readonly Proposal[];
  /** By small model: what pins it, as the config has it now. A pin that is not named here is taken to be unchanged. */
  readonly pins: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** By model: the version that its newest answer said it came from. */
  readonly served: ReadonlyMap<string, string>;
  /** Every event of the task, oldest first. */
  readonly events: readonly TaskEvent[];
  /** Every look of the task, oldest first. */
  readonly looks: readonly Look[];
  /** By certificate: why the store says that it is void. */
  readonly voided: ReadonlyMap<string, string>;
  readonly evidence: readonly CandidateEvidence[];
  /** Pairs of the task, oldest first. */
  readonly pairs: readonly StoredPair[];
  /** Client requests in so many days; null where nothing is on record. */
  readonly traffic: { readonly requests: number; readonly days: number } | null;
  readonly now: EpochMs;
}

/** Money over 30 days at the traffic on record, from mean costs of the pairs; null where a cost is not known. */
export interface MonthlyMoney {
  readonly requests: number;
  /** The ceiling answers everything. */
  readonly ceiling: NanoUsd | null;
  /** As the lock file has it, and as it would have it. */
  readonly before: NanoUsd | null;
  readonly after: NanoUsd | null;
}

/** What a review found about a task. */
export interface TaskReview {
  readonly task: string;
  readonly mode: TaskConfig['mode'] | null;
  readonly verdict: ReviewVerdict;
  /** One sentence for people. */
  readonly reason: string;
  /** What the lock file holds, and what it would hold; null for none. */
  readonly before: LockedCertificate | null;
  readonly after: LockedCertificate | null;
  /** The look that decided, null where none did. */
  readonly look: Pick<Look, 'k' | 'n' | 'delta'> | null;
  readonly evidence: readonly CandidateEvidence[];
  readonly money: MonthlyMoney | null;
  /** What the certificate of the lock file retained in traffic since it was issued; null before the first audit. */
  readonly live: RetainedEstimate | null;
  /** Alarms, rollbacks and the like since the certificate was issued; in the last 30 days without one. */
  readonly incidents: readonly TaskEvent[];
}
