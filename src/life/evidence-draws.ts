import { createHash } from 'node:crypto';

/** Three disjoint parts: what is fitted, what certifies, and what is shown. */
export type Part = 'fit' | 'certify' | 'report';

/** Shares of the parts. Most goes where the power is; a calibrator needs less than half of what a certificate does. */
export const PART_SHARES: Readonly<Record<Part, number>> = { fit: 0.3, certify: 0.6, report: 0.1 };

/** A number in [0, 1) that a key fully determines, uniform over keys and independent between purposes (the first 48 bits of SHA-256). */
export function unitHash(purpose: string, key: string): number {
  return createHash('sha256').update(`${purpose}\0${key}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** The part of a conversation or request: the same for ever, whatever else is in the evidence. */
export function partOf(key: string): Part {
  const at = unitHash('part', key);
  if (at < PART_SHARES.fit) return 'fit';
  return at < PART_SHARES.fit + PART_SHARES.certify ? 'certify' : 'report';
}

/** An audited request with the probability π in (0, 1] that it was drawn with. */
export interface Audited {
  readonly id: string;
  readonly inclusion: number;
}

/**
 * Whether a row stays when audits with unequal π are thinned to a uniform share: kept with probability π_min/π by the hash of its id,
 * so every request is in with probability π_min whatever its stratum. A smaller π_min keeps a subset of what a larger one kept.
 */
export function isKept(row: Audited, leastInclusion: number): boolean {
  return unitHash('thin', row.id) < leastInclusion / row.inclusion;
}

/** π_min of a stream of audits; 1 for none. */
export function leastInclusion(rows: readonly Audited[]): number {
  return rows.reduce((least, row) => Math.min(least, row.inclusion), 1);
}
