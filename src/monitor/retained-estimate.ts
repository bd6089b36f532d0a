import { normalQuantile } from '../statistics/index.ts';
import { type AuditedRow, policyQuality } from './audited-row.ts';

/** What a policy retains in traffic, estimated from rows that were drawn with unequal probabilities. */
export interface RetainedEstimate {
  /** Σ policy/π over Σ big/π. */
  readonly retained: number;
  readonly low: number;
  readonly high: number;
  /** Rows, and those of them whose small answer was accepted. */
  readonly rows: number;
  readonly audits: number;
}

/** Weight of the two rows that were not seen but might be: the worst loss and the best gain, as in the score test of certificates. */
const UNSEEN = 1e-9;
const STEPS = 100;
/** Ends of intervals are searched for to this width. */
const PRECISION = 1e-7;

/** Rows with the same qualities and the same weight. */
interface Group {
  count: number;
  readonly policy: number;
  readonly big: number;
  /** 1/π, over the largest 1/π. */
  readonly weight: number;
}

/**
 * Retained quality with a two-sided interval, null while nothing says anything about the ceiling's quality.
 *
 * The estimate is the ratio of Horvitz–Thompson totals (Särndal, Swensson and Wretman 1992, §5.6). The interval holds every θ that a
 * score test of E[u] = 0, u = w·(policy − θ·big), w ∝ 1/π, does not reject: T = ū·√(n/v₀), v₀ = Σ u²/(1 + νu)/n, where ν solves
 * Σ u/(1 + νu) = 0 (empirical likelihood's variance under the hypothesis, Owen 2001, §3.10 and §11). Unlike the usual ratio-estimator variance it is
 * not zero while no loss was seen: with equal weights and no loss its lower end is Wilson's.
 */
export function retainedEstimate(rows: readonly AuditedRow[], level: number): RetainedEstimate | null {
  const groups = grouped(rows);
  let policy = 0;
  let big = 0;
  for (const group of groups) {
    policy += group.count * group.weight * group.policy;
    big += group.count * group.weight * group.big;
  }
  if (big === 0) return null;
  const retained = policy / big;
  const limit = normalQuantile(1 - (1 - level) / 2);
  return {
    retained,
    low: lowEnd(groups, retained, limit),
    high: highEnd(groups, retained, limit),
    rows: rows.length,
    audits: rows.reduce((count, row) => count + (row.accepted ? 1 : 0), 0),
  };
}

function grouped(rows: readonly AuditedRow[]): readonly Group[] {
  const least = rows.reduce((smallest, row) => Math.min(smallest, row.inclusion), 1);
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const policy = policyQuality(row);
    const weight = least / row.inclusion;
    const key = `${policy} ${row.big} ${weight}`;
    const group = groups.get(key);
    if (group) group.count += 1;
    else groups.set(key, { count: 1, policy, big: row.big, weight });
  }
  return [...groups.values()];
}

function lowEnd(groups: readonly Group[], retained: number, limit: number): number {
  let low = 0;
  let high = retained;
  while (high - low > PRECISION) {
    const middle = (low + high) / 2;
    if (scoreStatistic(groups, middle) > limit) low = middle;
    else high = middle;
  }
  return high;
}

function highEnd(groups: readonly Group[], retained: number, limit: number): number {
  let low = retained;
  let high = Math.max(2, 2 * retained);
  // A ceiling that is hardly ever right leaves the ratio open upwards.
  while (scoreStatistic(groups, high) > -limit) {
    if (high > 1e6) return Number.POSITIVE_INFINITY;
    high *= 2;
  }
  while (high - low > PRECISION * high) {
    const middle = (low + high) / 2;
    if (scoreStatistic(groups, middle) < -limit) high = middle;
    else low = middle;
  }
  return low;
}

/** T of the hypothesis "retains exactly `theta`": above 0 when the rows speak for more. */
function scoreStatistic(groups: readonly Group[], theta: number): number {
  const counts = new Float64Array(groups.length + 2);
  const scores = new Float64Array(groups.length + 2);
  let n = 0;
  let total = 0;
  for (let i = 0; i < groups.length; i += 1) {
    const { count, policy, big, weight } = groups[i]!;
    counts[i] = count;
    scores[i] = weight * (policy - theta * big);
    n += count;
    total += count * scores[i]!;
  }
  counts.fill(UNSEEN * n, groups.length);
  scores.set([-theta, 1], groups.length);
  const nu = tilt(counts, scores, theta);
  let variance = 0;
  for (let i = 0; i < scores.length; i += 1) variance += (counts[i]! * scores[i]! ** 2) / (1 + nu * scores[i]!);
  return total / Math.sqrt(variance);
}

/** ν with Σ u/(1 + νu) = 0, by Newton's steps within a bracket: u lies in [−θ, 1], so that 1 + νu is positive for ν in (−1, 1/θ). */
function tilt(counts: Float64Array, scores: Float64Array, theta: number): number {
  const n = counts.reduce((sum, count) => sum + count, 0);
  let low = -1;
  let high = theta > 0 ? 1 / theta : 1e9;
  let nu = 0;
  for (let step = 0; step < STEPS; step += 1) {
    let slope = 0;
    let bend = 0;
    for (let i = 0; i < scores.length; i += 1) {
      const share = scores[i]! / (1 + nu * scores[i]!);
      slope += counts[i]! * share;
      bend += counts[i]! * share * share;
    }
    // Not by the length of the last step: next to a pole Newton's steps are short long before the root.
    if (Math.abs(slope) <= 1e-10 * n) return nu;
    if (slope > 0) low = nu;
    else high = nu;
    const newton = nu + slope / bend;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    nu = next;
  }
  return nu;
}
