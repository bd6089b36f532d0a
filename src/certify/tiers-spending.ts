import { quantileSorted } from '../statistics/index.ts';
import type { Ladder } from './tiers-columns.ts';
import type { Thresholds } from './tiers-path.ts';

/** What a policy spends and how long it takes, beside the ceiling for everything. */
export interface Spending {
  /** Rows on which each model is called, cheapest first, the ceiling last. */
  readonly asked: readonly number[];
  /** 1 − cost over the ceiling's; null when a cost that is needed is missing, or when the ceiling costs nothing. */
  readonly savings: number | null;
  /** Share of the spending that went to answers that were thrown away. */
  readonly wasted: number | null;
  /** 95th percentile of latency over the ceiling's; null when a latency that is needed is missing. */
  readonly p95LatencyRatio: number | null;
}

/** Cost of every call, those whose answer is thrown away included; latencies of one row's calls add up. */
export function spendingOf(ladder: Ladder, thresholds: Thresholds, by: Uint8Array): Spending {
  const ceiling = ladder.columns.length - 1;
  const asked = askedRows(ladder, thresholds, by);
  const lowest = thresholds.findIndex((threshold) => threshold !== null);
  const first = lowest < 0 ? ceiling : lowest;
  const latencies = new Float64Array(by.length);
  let spent = 0;
  let wasted = 0;
  for (let tier = 0; tier <= ceiling; tier += 1) {
    const column = ladder.columns[tier]!;
    // Whoever is asked first sees the traffic; one that is asked now and then cannot count on the provider still holding its prompt.
    const cost = tier === first ? column.cost : column.uncachedCost;
    for (let row = 0; row < by.length; row += 1) {
      if (!isAsked(ladder, { thresholds, by }, tier, row)) continue;
      spent += cost[row]!;
      latencies[row]! += column.latencyMs[row]!;
      if (by[row] !== tier) wasted += cost[row]!;
    }
  }
  const frontier = ladder.columns[ceiling]!.cost.reduce((sum, cost) => sum + cost, 0);
  const priced = frontier > 0 && !Number.isNaN(spent);
  return {
    asked,
    savings: priced ? 1 - spent / frontier : null,
    wasted: priced && spent > 0 ? wasted / spent : null,
    p95LatencyRatio: ratioOf(p95(latencies), p95(ladder.columns[ceiling]!.latencyMs)),
  };
}

/** A model is called where it has a threshold and no cheaper one answered; the ceiling where no other did. */
function isAsked(ladder: Ladder, policy: { readonly thresholds: Thresholds; readonly by: Uint8Array }, tier: number, row: number): boolean {
  const { thresholds, by } = policy;
  if (tier > by[row]!) return false;
  return tier === ladder.columns.length - 1 || (thresholds[tier] !== null && ladder.skipped[row] === 0);
}

function askedRows(ladder: Ladder, thresholds: Thresholds, by: Uint8Array): number[] {
  return ladder.columns.map((_, tier) => {
    let rows = 0;
    for (let row = 0; row < by.length; row += 1) if (isAsked(ladder, { thresholds, by }, tier, row)) rows += 1;
    return rows;
  });
}

function p95(latencies: Float64Array): number {
  if (latencies.some(Number.isNaN)) return Number.NaN;
  return quantileSorted(Float64Array.from(latencies).sort(), 0.95);
}

function ratioOf(policy: number, ceiling: number): number | null {
  return ceiling > 0 && !Number.isNaN(policy) ? policy / ceiling : null;
}
