import type { NanoUsd } from '../core/index.ts';
import { infeasible, type Limits } from './feasible.ts';
import type { Action, AnswerReason, Attempt, CallReason, Evidence, InfeasibleReason, Licence, RefuseReason } from './types.ts';

/** One rung with all that is known of it for this request. */
interface Place {
  readonly index: number;
  readonly model: string;
  readonly licence: Licence;
  readonly isCeiling: boolean;
  /** May answer on its own: the ceiling, or a licensed rung that triage did not pass over. */
  readonly licensed: boolean;
  /** Index of its latest attempt in `tried`, -1 before any. */
  readonly attempt: number;
  readonly blocked: InfeasibleReason | null;
}

/**
 * The routing rule, whole: what to do next, given everything that is known. Pure and total, so that the gateway, the evals and
 * every projected bill run this same function.
 *
 * 1. Climb from the start over licensed rungs; a rung whose answer meets its threshold answers, and the ceiling always may.
 *    Uncertified rungs are not called on the way: their answer could not be used.
 * 2. With `polish`, an accepted answer goes through the ceiling once more while that is feasible.
 * 3. When no licensed rung can be called any more, the highest feasible unlicensed rung stands in, then the next one down.
 * 4. When nothing can be called, the complete attempt of the highest rung answers, uncertified. Only when nothing complete came from
 *    anywhere is the highest incomplete one handed over, as what it is. A ceiling that refuses is not overruled from below.
 */
export function nextAction(evidence: Evidence): Action {
  const places = survey(evidence);
  const accepted = places.findLast((place) => accepts(place, evidence.tried[place.attempt]));
  if (accepted) return settle(accepted, places, evidence);

  const ceiling = places.at(-1);
  if (ceiling && evidence.tried[ceiling.attempt]?.result === 'refused') {
    return { do: 'answer', attempt: ceiling.attempt, why: 'ceiling-refused', certified: false };
  }

  const best = places.findLast((place) => evidence.tried[place.attempt]?.result === 'complete');
  const open = places.filter((place) => place.attempt < 0 && place.index > (best?.index ?? -1));
  const callable = open.filter((place) => place.blocked === null);
  const next = callable.find((place) => place.licensed) ?? callable.at(-1);
  if (next) return { do: 'call', model: next.model, why: reasonToCall(next, places, evidence) };
  if (best) {
    const limit = timeIsUp(evidence) ? 'deadline' : limitOf(open.filter(isLicensed));
    return { do: 'answer', attempt: best.attempt, why: limit ?? 'last-feasible', certified: false };
  }

  const words = places.findLast((place) => hasWords(evidence.tried[place.attempt]));
  if (words) return { do: 'answer', attempt: words.attempt, why: 'incomplete', certified: false };
  return { do: 'refuse', why: reasonToRefuse(open, evidence) };
}

/** Money that the attempts have left of the request's budget; null when no budget applies. */
export function budgetLeft(evidence: Pick<Evidence, 'budget' | 'tried'>): NanoUsd | null {
  if (evidence.budget === null) return null;
  let left: number = evidence.budget;
  for (const attempt of evidence.tried) left -= attempt.cost;
  return left as NanoUsd;
}

function survey(evidence: Evidence): readonly Place[] {
  const limits: Limits = { budgetLeft: budgetLeft(evidence), now: evidence.now, deadlineAt: evidence.deadlineAt };
  const last = evidence.ladder.length - 1;
  const start = startOf(evidence);
  return evidence.ladder.map((rung, index) => ({
    index,
    model: rung.model,
    licence: rung.licence,
    isCeiling: index === last,
    // A certificate counts what triage sends upwards as escalated, so a rung below the start speaks without its licence.
    licensed: index === last || (index >= start && rung.licence.kind !== 'uncertified'),
    attempt: evidence.tried.findLastIndex((attempt) => attempt.model === rung.model),
    blocked: infeasible(rung, evidence.need, limits),
  }));
}

function startOf(evidence: Evidence): number {
  const start = Math.trunc(evidence.startAt) || 0;
  return Math.min(Math.max(0, start), Math.max(0, evidence.ladder.length - 1));
}

/** Whether an attempt came to an end of its own with something to hand over. */
function hasWords(attempt: Attempt | undefined): boolean {
  return attempt !== undefined && attempt.result !== 'failed' && attempt.result !== 'abandoned';
}

function isLicensed(place: Place): boolean {
  return place.licensed;
}

function accepts(place: Place, attempt: Attempt | undefined): boolean {
  if (attempt?.result !== 'complete' || !place.licensed) return false;
  if (place.isCeiling) return true;
  switch (place.licence.kind) {
    case 'certified':
      // Rows without a confidence were escalated when the threshold was certified, whatever the threshold.
      return place.licence.threshold === null || (attempt.confidence !== null && attempt.confidence >= place.licence.threshold);
    case 'fixed':
      return (attempt.confidence ?? 0) >= place.licence.threshold;
    case 'uncertified':
      return false;
  }
}

/** Answers with the highest accepted rung, by way of the polish when one is asked for. */
function settle(accepted: Place, places: readonly Place[], evidence: Evidence): Action {
  const answer = (why: AnswerReason, certified: boolean): Action => ({ do: 'answer', attempt: accepted.attempt, why, certified });
  if (accepted.isCeiling) {
    const draft = evidence.polish
      ? places.find((place) => !place.isCeiling && place.attempt < accepted.attempt && accepts(place, evidence.tried[place.attempt]))
      : undefined;
    // A polished text descends from its draft, so it is certified only if the draft is.
    return draft ? answer('polished', draft.licence.kind === 'certified') : answer('ceiling', true);
  }
  const certified = accepted.licence.kind === 'certified';
  const ceiling = places.at(-1);
  if (evidence.polish && ceiling && ceiling.attempt < 0) {
    if (ceiling.blocked === null) return { do: 'call', model: ceiling.model, why: 'polish' };
    const limit = limitOf([ceiling]);
    if (limit) return answer(limit, certified);
  }
  return answer(certified ? 'certified' : 'fixed-threshold', certified);
}

function reasonToCall(next: Place, places: readonly Place[], evidence: Evidence): CallReason {
  if (!next.licensed) return 'stand-in';
  const last = evidence.tried.at(-1);
  if (last) {
    if (last.result === 'complete' || last.result === 'abandoned') return 'low-confidence';
    return last.result === 'invalid' ? 'invalid-answer' : last.result;
  }
  const start = startOf(evidence);
  if (start > 0) return 'triaged';
  return places.some((place) => place.index < next.index && place.blocked === null) ? 'uncertified' : 'start';
}

/** The limit that keeps a rung from being called, when it is money or time and nothing else. */
function limitOf(places: readonly Place[]): 'no-budget' | 'deadline' | null {
  if (places.some((place) => place.blocked === 'deadline')) return 'deadline';
  return places.some((place) => place.blocked === 'budget') ? 'no-budget' : null;
}

/** True once the deadline has passed: whatever failed last, it failed for want of time as well. */
function timeIsUp({ now, deadlineAt }: Evidence): boolean {
  return deadlineAt !== null && now >= deadlineAt;
}

function reasonToRefuse(open: readonly Place[], evidence: Evidence): RefuseReason {
  if (timeIsUp(evidence)) return 'deadline';
  return limitOf(open) ?? (evidence.tried.length > 0 ? 'all-failed' : 'no-feasible-model');
}
