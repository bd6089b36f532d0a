import type { NanoUsd } from '../core/index.ts';

/** What so many answered requests cost. */
export interface UnitCost {
  readonly requests: number;
  readonly cost: NanoUsd;
}

/** Why one sum is not the other: more requests, or dearer ones. The two parts add up to the change exactly. */
export interface CostChange {
  /** After minus before: negative for a saving. */
  readonly change: NanoUsd;
  /** The further requests at what one cost before, rounded to a nano-dollar. */
  readonly byVolume: NanoUsd;
  /** The rest: what each request costs more, by models, tokens, prices or escalations. */
  readonly byUnitCost: NanoUsd;
}

/** Splits a change of cost into volume and unit cost. Where there were no requests before, all of it is volume; where there are none at all, none of it. */
export function costChange(before: UnitCost, after: UnitCost): CostChange {
  const change = (after.cost - before.cost) as NanoUsd;
  const byVolume = volumePart(before, after, change);
  return { change, byVolume, byUnitCost: (change - byVolume) as NanoUsd };
}

/** Dollars per answered request in nano-dollars, not rounded; null without one. */
export function unitCost({ requests, cost }: UnitCost): number | null {
  return requests > 0 ? cost / requests : null;
}

function volumePart(before: UnitCost, after: UnitCost, change: NanoUsd): NanoUsd {
  if (before.requests > 0) return Math.round((after.requests - before.requests) * (before.cost / before.requests)) as NanoUsd;
  return after.requests > 0 ? change : (0 as NanoUsd);
}
