import { quantileSorted } from '../statistics/index.ts';
import type { Ladder, Thresholds } from './tiers-columns.ts';

/** What a policy spends, beside the ceiling for everything. */
export interface Bill {
  /** Rows on which each model is called, cheapest first, the ceiling last. */
  readonly asked: readonly number[];
  /** 1 − cost over the ceiling's; null when a cost that is needed is missing, or when the ceiling costs nothing. */
  readonly savings: number | null;
  /** Share of the spending that went to answers that were thrown away. */
  readonly wasted: number | null;
}

/** Cost of every call, those whose answer is thrown away included. */
export function billOf(ladder: Ladder, thresholds: Thresholds, by: Uint8Array): Bill {
  const ceiling = ladder.columns.length - 1;
  const lowest = thresholds.findIndex((threshold) => threshold !== null);
  const first = lowest < 0 ? ceiling : lowest;
  const asked = new Array<number>(ceiling + 1).fill(0);
  let spent = 0;
  let wasted = 0;
  ladder.columns.forEach((column, tier) => {
    // Whoever is asked first sees the traffic; one that is asked now and then cannot count on the provider still holding its prompt.
    const cost = tier === first ? column.cost : column.uncachedCost;
    for (let row = 0; row < by.length; row += 1) {
      if (!isAsked(ladder, { thresholds, by }, tier, row)) continue;
      asked[tier]! += 1;
      spent += cost[row]!;
      if (by[row] !== tier) wasted += cost[row]!;
    }
  });
  const frontier = ladder.columns[ceiling]!.cost.reduce((sum, cost) => sum + cost, 0);
  const priced = frontier > 0 && !Number.isNaN(spent);
  return { asked, savings: priced ? 1 - spent / frontier : null, wasted: priced && spent > 0 ? wasted / spent : null };
}

/** 95th percentile of latency over the ceiling's, latencies of one row's calls added up; null when one that is needed is missing. */
export function p95LatencyRatio(ladder: Ladder, thresholds: Thresholds, by: Uint8Array): number | null {
  const latencies = new Float64Array(by.length);
  ladder.columns.forEach(({ latencyMs }, tier) => {
    for (let row = 0; row < by.length; row += 1) if (isAsked(ladder, { thresholds, by }, tier, row)) latencies[row]! += latencyMs[row]!;
  });
  const policy = p95(latencies);
  const ceiling = p95(ladder.columns.at(-1)!.latencyMs);
  return ceiling > 0 && !Number.isNaN(policy) ? policy / ceiling : null;
}

/** A model is called where it has a threshold and no cheaper one answered; the ceiling where no other did. */
function isAsked(ladder: Ladder, policy: { readonly thresholds: Thresholds; readonly by: Uint8Array }, tier: number, row: number): boolean {
  const { thresholds, by } = policy;
  if (tier > by[row]!) return false;
  return tier === ladder.columns.length - 1 || (thresholds[tier] !== null && ladder.skipped[row] === 0);
}

function p95(latencies: Float64Array): number {
  if (latencies.some(Number.isNaN)) return Number.NaN;
  return quantileSorted(Float64Array.from(latencies).sort(), 0.95);
}
