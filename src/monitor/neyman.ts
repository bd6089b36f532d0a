/** A part of the traffic with its own audit probability. */
export interface Stratum {
  /** Its share of the traffic; only ratios count. */
  readonly weight: number;
  /** Standard deviation of the score within it. */
  readonly deviation: number;
}

/**
 * Audit probabilities by Neyman's allocation (1934): proportional to each stratum's deviation, within `minimum`…1, so that their mean over
 * the traffic is `share` (less where every stratum that deviates is already audited in full). All get `share` where no stratum with traffic
 * deviates. RangeError unless 0 < minimum ≤ share ≤ 1.
 */
export function neymanShares(strata: readonly Stratum[], budget: { readonly share: number; readonly minimum: number }): number[] {
  const { share, minimum } = budget;
  if (!(minimum > 0 && minimum <= share && share <= 1)) throw new RangeError(`not an audit budget: ${minimum} of ${share}`);
  for (const { weight, deviation } of strata) {
    if (!(weight >= 0 && deviation >= 0 && Number.isFinite(weight + deviation))) throw new RangeError('not a stratum');
  }
  const total = strata.reduce((sum, stratum) => sum + stratum.weight, 0);
  if (total === 0 || strata.every(({ weight, deviation }) => weight * deviation === 0)) return strata.map(() => share);
  const largest = Math.max(...strata.map(({ deviation }) => deviation));
  // One part in 10⁹ of the largest deviation counts as none, so that the search below stays in the range of numbers.
  const relative = strata.map(({ deviation }) => (deviation > 1e-9 * largest ? deviation / largest : 0));
  const at = (scale: number) => relative.map((deviation) => Math.min(1, Math.max(minimum, scale * deviation)));
  const spent = (scale: number) => at(scale).reduce((sum, probability, i) => sum + probability * (strata[i]!.weight / total), 0);
  // The mean rises with the scale from `minimum`; past `high` every stratum that deviates at all is audited in full.
  let low = 0;
  let high = 1 / Math.min(...relative.filter((deviation) => deviation > 0));
  if (spent(high) <= share) return at(high);
  for (let step = 0; step < 100; step += 1) {
    const middle = (low + high) / 2;
    if (spent(middle) > share) high = middle;
    else low = middle;
  }
  return at(low);
}
