import { errorBudget, pairsNeeded } from '../certify/index.ts';
import type { Floor, NanoUsd } from '../core/index.ts';
import { PART_SHARES } from './evidence-draws.ts';
import { nextSize } from './look-schedule.ts';

/** What shadow calls of one candidate are estimated from. */
export interface ShadowPlan {
  readonly floor: Floor;
  /** Client requests of the task a day. */
  readonly requestsPerDay: number;
  /** Share of them whose candidates are asked too. */
  readonly share: number;
  /** One call of this candidate, and of all candidates of the task together; null where a price is not known. */
  readonly costPerPair: NanoUsd | null;
  readonly costPerRequest: NanoUsd | null;
  /** What all candidates together may cost a day, and what is left of the whole sum; null is no limit. */
  readonly perDay: NanoUsd | null;
  readonly left: NanoUsd | null;
  /** Pairs in CERTIFY by now, and how many the next look waits for. */
  readonly certify: number;
  readonly nextLook: number;
  /** How many more pairs the last look said that a pass would take; null where none has said. */
  readonly needed: number | null;
}

/** What shadow calls will bring and cost, if traffic goes on as it did. Days are null where they never come. */
export interface ShadowEstimate {
  readonly pairsPerDay: number;
  readonly costPerDay: NanoUsd | null;
  /** Which limit keeps pairs below the share; null where none does. An unpriced call fits no limit. */
  readonly limitedBy: 'day' | 'total' | 'unpriced' | null;
  /** Pairs until the next look. */
  readonly pairsToLook: number;
  readonly daysToLook: number | null;
  /** More pairs until a look is likely to pass: by the last look, or before the first by half the losses that the floor allows. */
  readonly pairsToPass: number;
  readonly basis: 'last look' | 'half of the allowed losses';
  readonly daysToPass: number | null;
  readonly costToPass: NanoUsd | null;
}

const PROBE = 1_000_000;

/** Pure arithmetic on averages: no promise, but what a person wants to know before paying for shadow calls. */
export function estimateShadow(plan: ShadowPlan): ShadowEstimate {
  const { requestsPerDay, share, costPerPair, costPerRequest, perDay, left } = plan;
  const wanted = requestsPerDay * share;
  const limitedBy = limitOf(plan, wanted);
  const pairsPerDay =
    limitedBy === 'unpriced' || limitedBy === 'total' ? 0 : limitedBy === 'day' ? Math.min(wanted, perDay! / costPerRequest!) : wanted;
  const pairsToLook = Math.max(0, Math.ceil((plan.nextLook - plan.certify) / PART_SHARES.certify));
  const pairsToPass = Math.max(pairsToLook, plan.needed ?? typicalPairs(plan));
  const affordable = left === null || costPerRequest === null || costPerRequest === 0 ? Number.POSITIVE_INFINITY : left / costPerRequest;
  const days = (pairs: number): number | null => {
    if (pairs === 0) return 0;
    return pairsPerDay > 0 && pairs <= affordable ? pairs / pairsPerDay : null;
  };
  return {
    pairsPerDay,
    costPerDay: costPerPair === null ? null : money(pairsPerDay * costPerPair),
    limitedBy,
    pairsToLook,
    daysToLook: days(pairsToLook),
    pairsToPass,
    basis: plan.needed === null ? 'half of the allowed losses' : 'last look',
    daysToPass: days(pairsToPass),
    costToPass: costPerPair === null ? null : money(pairsToPass * costPerPair),
  };
}

function limitOf(plan: ShadowPlan, wanted: number): ShadowEstimate['limitedBy'] {
  const { costPerRequest, perDay, left } = plan;
  if (perDay === null && left === null) return null;
  if (costPerRequest === null) return 'unpriced';
  if (left !== null && left < costPerRequest) return 'total';
  return perDay !== null && wanted * costPerRequest > perDay ? 'day' : null;
}

/**
 * Pairs of traffic for a pass with 80 % power, where answers differ half as often as the floor allows, at the first automatic look that
 * is large enough: each look has half the error of the one before.
 */
function typicalPairs({ floor, certify }: ShadowPlan): number {
  const lost = Math.round(((1 - floor.retain) / 2) * PROBE);
  const counts = { n: PROBE, kept: PROBE - lost, lost, gained: 0 };
  let size = nextSize([], 'score');
  for (let look = 1; look < 30; look += 1) {
    const delta = errorBudget({ floor: floor.retain, level: floor.level, requested: 'score', used: 'score', look, bigRight: null });
    if ((pairsNeeded(counts, { floor: floor.retain, delta }) ?? Number.POSITIVE_INFINITY) <= size) break;
    size *= 2;
  }
  return Math.max(0, Math.ceil((size - certify) / PART_SHARES.certify));
}

function money(nano: number): NanoUsd {
  return Math.round(nano) as NanoUsd;
}
