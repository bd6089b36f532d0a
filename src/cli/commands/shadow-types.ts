import type { TaskConfig } from '../../config/index.ts';
import type { LeftOutReason, ShadowEstimate } from '../../life/index.ts';
import type { Look } from '../../store/index.ts';

/** What shadow calls of one candidate bring and cost, if traffic goes on as it did. Null: never, or a price is not known. */
export interface CandidateEstimate {
  readonly small: string;
  readonly big: string;
  readonly usdPerCall: number | null;
  readonly pairsPerDay: number;
  readonly usdPerDay: number | null;
  readonly limitedBy: ShadowEstimate['limitedBy'];
  readonly pairsToLook: number;
  readonly daysToLook: number | null;
  readonly pairsToPass: number | null;
  readonly daysToPass: number | null;
  readonly usdToPass: number | null;
  readonly basis: ShadowEstimate['basis'];
}

/** Where a candidate's evidence stands. */
export interface CandidateStatus {
  readonly small: string;
  readonly big: string;
  /** Recorded pairs, and those of them that count, by use. */
  readonly pairs: number;
  readonly parts: { readonly fit: number; readonly certify: number; readonly report: number };
  readonly leftOut: Readonly<Record<LeftOutReason, number>>;
  readonly labels: { readonly joined: number; readonly unusable: number };
  /** The next automatic look: its number, CERTIFY pairs it waits for, and whether these are there. */
  readonly next: { readonly k: number; readonly at: number; readonly isDue: boolean } | null;
  readonly looks: readonly Look[];
  readonly estimate: CandidateEstimate;
}

/** A task's traffic and limits. */
export interface TaskHead {
  readonly task: string;
  readonly mode: TaskConfig['mode'];
  /** False where the config asks nobody in the background: then the estimate says what it would be. */
  readonly configured: boolean;
  readonly share: number;
  readonly requestsPerDay: number;
  readonly usdPerDayLimit: number | null;
  readonly usdTotalLimit: number | null;
  readonly spentTodayUsd: number;
  readonly spentUsd: number;
}

/** What `smallfirst shadow estimate --json` prints. */
export interface ShadowEstimateDocument {
  readonly at: string;
  readonly tasks: readonly (TaskHead & { readonly candidates: readonly CandidateEstimate[] })[];
}

/** What `smallfirst shadow status --json` prints. */
export interface ShadowStatusDocument {
  readonly at: string;
  readonly tasks: readonly (TaskHead & { readonly candidates: readonly CandidateStatus[] })[];
}
