/** What is known of a request before any model is called. */
export interface TriageInput {
  readonly text: string;
  /** The task's name, where one router serves several tasks. */
  readonly task?: string;
  /** A kind of request within the task: subject, queue, intent. */
  readonly category?: string;
}

/** A request that both models answered, with both qualities (0..1, graded or not). */
export interface TriageRow extends TriageInput {
  readonly id: string;
  readonly small: number;
  readonly big: number;
  /** Conversation or customer: rows of one cluster stay in one fold and are resampled together. */
  readonly cluster?: string;
}

/** Rungs of a three-model ladder: easy starts at the smallest, hard at the biggest. */
export const TIERS = ['easy', 'medium', 'hard'] as const;

export type Tier = (typeof TIERS)[number];

/** What the router says of one request. */
export interface TriagePrediction {
  /** Expected quality of the big model minus that of the small one, −1..1. Sort by it; only a certificate turns it into a promise. */
  readonly gain: number;
  readonly tier: Tier;
}
