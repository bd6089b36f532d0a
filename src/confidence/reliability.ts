import { type Interval, wilson } from '../statistics/index.ts';
import { checkRows, type TieGroup, tieGroups } from './tie-groups.ts';

/** One bin of a reliability diagram. */
export interface ReliabilityBin {
  /** Rows in it; a group of tied rows may be shared between neighbours in parts. */
  readonly count: number;
  /** Lowest and highest confidence in it. */
  readonly from: number;
  readonly to: number;
  /** Mean confidence and mean outcome. */
  readonly confidence: number;
  readonly accuracy: number;
  /** Wilson's 95 % interval of the accuracy, for display. */
  readonly interval: Interval;
}

/**
 * Equal-mass bins for a reliability diagram, lowest confidence first: n rows in min(bins, n) bins whose sizes differ by at most 1.
 * Tied rows that a border splits are shared with their mean outcome, which is what a random order gives on average.
 */
export function reliabilityBins(probabilities: readonly number[], outcomes: readonly number[], bins = 15): readonly ReliabilityBin[] {
  const groups = tieGroups(probabilities, outcomes);
  const n = probabilities.length;
  const total = Math.min(bins, n);
  const rows: ReliabilityBin[] = [];
  let group = 0;
  let left = groups[0]?.count ?? 0;
  for (let bin = 0; bin < total; bin += 1) {
    const count = Math.floor(((bin + 1) * n) / total) - Math.floor((bin * n) / total);
    let [missing, confidence, outcome] = [count, 0, 0];
    const from = groups[group]!.confidence;
    let to = from;
    while (missing > 0) {
      const ties = groups[group]!;
      const taken = Math.min(missing, left);
      confidence += taken * ties.confidence;
      outcome += (taken * ties.sum) / ties.count;
      to = ties.confidence;
      missing -= taken;
      left -= taken;
      if (left === 0) {
        group += 1;
        left = groups[group]?.count ?? 0;
      }
    }
    rows.push({ count, from, to, confidence: confidence / count, accuracy: outcome / count, interval: wilson(outcome, count, 0.95) });
  }
  return rows;
}

/** Expected calibration error over equal-mass bins: Σ (n_b/n)·|accuracy_b − confidence_b|. Null without rows. */
export function ece(probabilities: readonly number[], outcomes: readonly number[], bins = 15): number | null {
  if (probabilities.length === 0) return null;
  let sum = 0;
  for (const bin of reliabilityBins(probabilities, outcomes, bins)) sum += bin.count * Math.abs(bin.accuracy - bin.confidence);
  return sum / probabilities.length;
}

/** Brier score: the mean of (p − y)². Null without rows. */
export function brier(probabilities: readonly number[], outcomes: readonly number[]): number | null {
  checkRows(probabilities, outcomes);
  if (probabilities.length === 0) return null;
  let sum = 0;
  for (let row = 0; row < probabilities.length; row += 1) sum += (probabilities[row]! - outcomes[row]!) ** 2;
  return sum / probabilities.length;
}

/**
 * P(a right row has the higher confidence than a wrong one), ties half (Mann–Whitney). A graded outcome counts as right by its
 * share. Null when every row is right or every row is wrong.
 */
export function auroc(confidences: readonly number[], outcomes: readonly number[]): number | null {
  let [wins, right, wrong] = [0, 0, 0];
  for (const group of tieGroups(confidences, outcomes)) {
    const missed = group.count - group.sum;
    wins += group.sum * (wrong + missed / 2);
    right += group.sum;
    wrong += missed;
  }
  return right > 0 && wrong > 0 ? wins / (right * wrong) : null;
}

/**
 * AUROC of low confidence as a detector of harm, "small is wrong and big is right" (big better than small): what routing needs, for an
 * escalation helps nowhere else. Null when there is no harm or nothing else.
 */
export function aurocHarm(confidences: readonly number[], small: readonly number[], big: readonly number[]): number | null {
  return auroc(
    confidences.map((confidence) => -confidence),
    small.map((quality, row) => (big[row]! > quality ? 1 : 0)),
  );
}

/** A point of the risk–coverage curve: what accepting from this confidence on keeps and gets wrong. */
export interface RiskCoveragePoint {
  readonly threshold: number;
  /** Share accepted. */
  readonly coverage: number;
  /** Mean loss among the accepted. */
  readonly risk: number;
}

/** Selective risk at every threshold there is, from the safest to accepting all. Tied rows are accepted together, as a threshold does. */
export function riskCoverage(confidences: readonly number[], outcomes: readonly number[]): readonly RiskCoveragePoint[] {
  const points: RiskCoveragePoint[] = [];
  let [accepted, right] = [0, 0];
  for (const group of safestFirst(confidences, outcomes)) {
    accepted += group.count;
    right += group.sum;
    points.push({ threshold: group.confidence, coverage: accepted / confidences.length, risk: (accepted - right) / accepted });
  }
  return points;
}

/** Area under the risk–coverage curve: the mean over k of the risk among the k most confident; ties averaged over their orders. Null without rows. */
export function aurc(confidences: readonly number[], outcomes: readonly number[]): number | null {
  if (confidences.length === 0) return null;
  let [accepted, wrong, area] = [0, 0, 0];
  for (const group of safestFirst(confidences, outcomes)) {
    const each = (group.count - group.sum) / group.count;
    for (let i = 0; i < group.count; i += 1) {
      accepted += 1;
      wrong += each;
      area += wrong / accepted;
    }
  }
  return area / confidences.length;
}

/** AURC above that of an oracle that puts the best answers first: 0 is perfect order, whatever the accuracy. Null without rows. */
export function eAurc(confidences: readonly number[], outcomes: readonly number[]): number | null {
  const area = aurc(confidences, outcomes);
  const best = aurc(outcomes, outcomes);
  return area === null || best === null ? null : Math.max(0, area - best);
}

/** The largest share that can be accepted with at least this accuracy, and the threshold for it; null and 0 when none can. */
export function coverageAt(
  confidences: readonly number[],
  outcomes: readonly number[],
  accuracy: number,
): { readonly coverage: number; readonly threshold: number | null } {
  let best: { readonly coverage: number; readonly threshold: number | null } = { coverage: 0, threshold: null };
  let [accepted, right] = [0, 0];
  for (const group of safestFirst(confidences, outcomes)) {
    accepted += group.count;
    right += group.sum;
    // 0.95 · 140 must not miss 133 by a rounding error.
    if (right >= accuracy * accepted - 1e-9) best = { coverage: accepted / confidences.length, threshold: group.confidence };
  }
  return best;
}

function safestFirst(confidences: readonly number[], outcomes: readonly number[]): readonly TieGroup[] {
  return [...tieGroups(confidences, outcomes)].reverse();
}
