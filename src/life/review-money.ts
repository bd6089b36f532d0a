import type { LockedCertificate } from '../config/index.ts';
import type { NanoUsd } from '../core/index.ts';
import type { StoredPair } from '../store/types.ts';
import type { MonthlyMoney, ReviewQuestion } from './review-types.ts';

const MONTH_DAYS = 30;

interface MeanCosts {
  readonly small: number;
  readonly big: number;
  /** Share of the requests that a triage sends past the small model. */
  readonly skipped: number;
}

/**
 * Expected money over 30 days: requests × (small · share asked + ceiling · share not kept), by mean costs of the pairs of the two models
 * and the share kept by the certificate. Audits and shadow calls are not in it. Null without traffic on record.
 */
export function monthlyMoney(
  { traffic, pairs }: Pick<ReviewQuestion, 'traffic' | 'pairs'>,
  before: LockedCertificate | null,
  after: LockedCertificate | null,
): MonthlyMoney | null {
  if (traffic === null || traffic.requests === 0) return null;
  const requests = Math.round((traffic.requests * MONTH_DAYS) / traffic.days);
  const some = after ?? before;
  const ceilingCosts = pairs.filter(({ big, bigCost }) => bigCost !== null && (some === null || big === some.big));
  const ceiling = ceilingCosts.length === 0 ? null : mean(ceilingCosts.map(({ bigCost }) => bigCost!));
  const total = (each: number | null): NanoUsd | null => (each === null ? null : (Math.round(each * requests) as NanoUsd));
  const under = (certificate: LockedCertificate | null): number | null => {
    if (certificate === null || certificate.verdict === 'frontier') return ceiling;
    const costs = meanCosts(pairs, certificate);
    return costs === null ? null : costs.small * (1 - costs.skipped) + costs.big * (1 - certificate.accepted);
  };
  return { requests, ceiling: total(ceiling), before: total(under(before)), after: total(under(after)) };
}

function meanCosts(pairs: readonly StoredPair[], { small, big }: LockedCertificate): MeanCosts | null {
  const priced = pairs.filter((pair) => pair.small === small && pair.big === big && pair.smallCost !== null && pair.bigCost !== null);
  if (priced.length === 0) return null;
  return {
    small: mean(priced.map(({ smallCost }) => smallCost!)),
    big: mean(priced.map(({ bigCost }) => bigCost!)),
    skipped: mean(priced.map(({ skip }) => (skip ? 1 : 0))),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
