/** One routed request whose two qualities are known, and how it came to be known. */
export interface AuditedRow {
  /** Whether the policy gave the small model's answer. False: the ceiling's. */
  readonly accepted: boolean;
  /** Qualities in [0, 1]; `small` counts only where it was accepted. */
  readonly small: number;
  readonly big: number;
  /** π in (0, 1]: the probability with which this request was drawn. */
  readonly inclusion: number;
}

/** Quality of what the policy answered. */
export function policyQuality(row: Pick<AuditedRow, 'accepted' | 'small' | 'big'>): number {
  return row.accepted ? row.small : row.big;
}

/**
 * Z = policy − ρ·big, in [−ρ, 1]: its expectation is at least 0 exactly when the policy retains ρ of the ceiling's quality. An escalated
 * request has Z = (1 − ρ)·big.
 */
export function retentionScore(row: Pick<AuditedRow, 'accepted' | 'small' | 'big'>, floor: number): number {
  return policyQuality(row) - floor * row.big;
}

/**
 * w = π_min/π, at most 1: rows that are likelier to be drawn count for less, so that E[w·Z | drawn] has the sign of E[Z] over all requests.
 * π_min is the least probability that any request of the stream is drawn with.
 */
export function auditWeight(inclusion: number, minimum: number): number {
  // A row drawn under an earlier plan with a smaller π_min counts as one of the present minimum: bets stay bounded.
  return Math.min(1, minimum / inclusion);
}

/** Whether a row holds what the statistics may read: qualities in [0, 1] and a probability in (0, 1]. */
export function isAuditedRow(row: AuditedRow): boolean {
  return isQuality(row.small) && isQuality(row.big) && row.inclusion > 0 && row.inclusion <= 1;
}

function isQuality(value: number): boolean {
  return value >= 0 && value <= 1;
}
