import { errorBudget, pairsNeeded } from '../certify/index.ts';
import type { Floor, NanoUsd } from '../core/index.ts';
import { PART_SHARES } from './evidence-draws.ts';

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
  /** Pairs in CERTIFY by now, how many the next look waits for, and its number. */
  readonly certify: number;
  readonly nextLook: number;
  readonly k: number;
  /** What the last look found to be retained; null before the first. */
  readonly retained: number | null;
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
  /** More pairs until a look is likely to pass: by what the last one found, or before the first by half the losses that the floor allows. */
  readonly pairsToPass: number | null;
  readonly basis: 'last look' | 'half of the allowed losses';
  readonly daysToPass: number | null;
  readonly costToPass: NanoUsd | null;
}

const PROBE = 1_000_000;
/** Beyond so many doublings nobody collects pairs. */
const LOOKS_AHEAD = 20;

/** Pure arithmetic on averages: no promise, but what a person wants to know before paying for shadow calls. */
export function estimateShadow(plan: ShadowPlan): ShadowEstimate {
  const { requestsPerDay, share, costPerPair, costPerRequest, perDay, left } = plan;
  const wanted = requestsPerDay * share;
  const limitedBy = limitOf(plan, wanted);
  const pairsPerDay =
    limitedBy === 'unpriced' || limitedBy === 'total' ? 0 : limitedBy === 'day' ? Math.min(wanted, perDay! / costPerRequest!) : wanted;
  const pairsToLook = Math.max(0, Math.ceil((plan.nextLook - plan.certify) / PART_SHARES.certify));
  const pairsToPass = pairsForPass(plan);
  const affordable = left === null || costPerRequest === null || costPerRequest === 0 ? Number.POSITIVE_INFINITY : left / costPerRequest;
  const days = (pairs: number | null): number | null => {
    if (pairs === 0 || pairs === null) return pairs;
    return pairsPerDay > 0 && pairs <= affordable ? pairs / pairsPerDay : null;
  };
  return {
    pairsPerDay,
    costPerDay: costPerPair === null ? null : money(pairsPerDay * costPerPair),
    limitedBy,
    pairsToLook,
    daysToLook: days(pairsToLook),
    pairsToPass,
    basis: plan.retained === null ? 'half of the allowed losses' : 'last look',
    daysToPass: days(pairsToPass),
    costToPass: costPerPair === null || pairsToPass === null ? null : money(pairsToPass * costPerPair),
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
 * More pairs of traffic for a pass with 80 % power, at the first automatic look that is large enough for the losses: each look has half
 * the error of the one before. Null where the candidate keeps less than the floor: then more pairs do not help.
 */
function pairsForPass({ floor, retained, certify, nextLook, k }: ShadowPlan): number | null {
  const kept = Math.round((retained ?? (1 + floor.retain) / 2) * PROBE);
  const counts = { n: PROBE, kept: Math.min(PROBE, kept), lost: Math.max(0, PROBE - kept), gained: 0 };
  let size = nextLook;
  for (let look = k; look < k + LOOKS_AHEAD; look += 1) {
    const delta = errorBudget({ floor: floor.retain, level: floor.level, requested: 'score', used: 'score', look, bigRight: null });
    const needed = pairsNeeded(counts, { floor: floor.retain, delta });
    if (needed === null) return null;
    if (needed <= size) return Math.max(0, Math.ceil((size - certify) / PART_SHARES.certify));
    size *= 2;
  }
  return null;
}

function money(nano: number): NanoUsd {
  return Math.round(nano) as NanoUsd;
}
