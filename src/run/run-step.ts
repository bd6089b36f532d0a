import {
  addUsd,
  type ErrorCode,
  type ModelEvent,
  type ModelRequest,
  type NanoUsd,
  NO_USAGE,
  SmallfirstError,
  ZERO_USD,
} from '../core/index.ts';
import {
  type Action,
  type Attempt,
  budgetLeft,
  type Evidence,
  infeasible,
  type Licence,
  type Limits,
  type Need,
  nextAction,
  type RefuseReason,
  type Rung,
  rungOf,
} from '../policy/index.ts';
import { type Attempted, makeAttempt } from './attempt.ts';
import { callRows, type Final } from './call-row.ts';
import { Release } from './stream-release.ts';
import type { Turn } from './turn.ts';
import type { AnswerListener, Step, StepAttempt, StepDeps, StepRequest, StepResult } from './types.ts';

/**
 * Runs one step: asks the policy, calls what it names, weighs the answer, and again until the policy answers. Every attempt whose call
 * went out becomes one row of the record, also when the step throws. A provider's failure is an attempt that escalates.
 *
 * Throws SmallfirstError: ABORTED, NO_FEASIBLE_MODEL, BUDGET_EXCEEDED, DEADLINE_EXCEEDED, or the last provider's own error when all
 * that could be called failed.
 */
export async function runStep(step: Step, request: StepRequest, deps: StepDeps): Promise<StepResult> {
  return (await walk(step, request, deps, null)).result;
}

/**
 * The same, with the answer told to a listener: as it is written from the moment that no other answer can replace it, where the listener
 * is live; else whole at the end. One answer is told, never parts of two. Every row is recorded before the answer's `end` is told.
 *
 * Throws what `runStep` throws; when that happens after `chosen`, the answer broke off and must look cut.
 */
export async function streamStep(step: Step, request: StepRequest, deps: StepDeps, listener: AnswerListener): Promise<StepResult> {
  const { result, served } = await walk(step, request, deps, listener);
  if (!served.released) {
    const { model, decision, confidence, certified } = { ...result, model: served.model };
    listener.chosen({ model, decision, confidence, certified });
    for (const event of served.events) if (event.type !== 'end') await listener.event(event);
  }
  await listener.event(endOf(served));
  return result;
}

interface Walked {
  readonly result: StepResult;
  readonly served: Attempted;
}

async function walk(step: Step, request: StepRequest, deps: StepDeps, listener: AnswerListener | null): Promise<Walked> {
  const attempts: Attempted[] = [];
  let final: Final = null;
  try {
    for (;;) {
      if (request.signal?.aborted) throw aborted();
      const evidence = gather(attempts, step, request, deps);
      const action = bindingAction(nextAction(evidence), attempts, listener !== null);
      if (action.do !== 'call') {
        final = action;
        return conclude(action, attempts, step, evidence);
      }
      const turn = turnOf(action, attempts, step, request);
      const foresee = (confidence: number | null): Action => nextAction(foreseen(evidence, turn, confidence));
      const release = listener?.live ? new Release(turn, step, { deps, listener, foresee }) : null;
      const attempt = await makeAttempt(turn, step, request, { deps, release });
      attempts.push(attempt);
      if (attempt.error && (attempt.released || attempt.error.code === 'ABORTED')) throw attempt.error;
    }
  } finally {
    for (const [index, row] of callRows(attempts, final, step, request).entries()) {
      const { isSent, answer } = attempts[index] as Attempted;
      // A call that never went out is none.
      if (isSent) deps.record(row, answer);
    }
  }
}

/**
 * What has begun to go out is the answer, whatever the policy would rather do now that it has seen the end of it. And a client is told
 * that the ceiling failed, so that it can try again, where all that is left below it is no valid answer.
 */
function bindingAction(action: Action, attempts: readonly Attempted[], isLive: boolean): Action {
  const index = attempts.length - 1;
  const last = attempts[index];
  if (last?.released) {
    return action.do === 'answer' && action.attempt === index
      ? action
      : { do: 'answer', attempt: index, why: 'incomplete', certified: false };
  }
  const isWorse = action.do === 'answer' && action.why === 'incomplete' && action.attempt < index;
  return isLive && isWorse && last?.error ? { do: 'refuse', why: 'all-failed' } : action;
}

/** The evidence as it will be, should the call about to be made end complete with a confidence. */
function foreseen(evidence: Evidence, turn: Turn, confidence: number | null): Evidence {
  const cost = evidence.ladder.find(({ model }) => model === turn.model.name)?.estimatedCost ?? ZERO_USD;
  return { ...evidence, tried: [...evidence.tried, { model: turn.model.name, result: 'complete', confidence, cost }] };
}

/** How an answer ended, with the tokens that were counted where the provider reported none. */
function endOf(served: Attempted): ModelEvent {
  const end = served.events.findLast((event) => event.type === 'end');
  if (!end) throw new SmallfirstError('INTERNAL', 'an answer without an end was served');
  return end.usage === null && served.usage !== NO_USAGE ? { ...end, usage: served.usage, usageSource: served.usageSource } : end;
}

function gather(attempts: readonly Attempted[], step: Step, request: StepRequest, deps: StepDeps): Evidence {
  const polishing = polishOf(attempts, request);
  const ladder = step.ladder.map(({ model, licence: granted }, index) => {
    const licence = isCovered(model.name, attempts, deps) ? granted : OTHER_VERSION;
    // The ceiling may be asked to polish: the draft is then part of its prompt and of its price.
    const estimate = deps.estimate(model, index === step.ladder.length - 1 && polishing ? polishing : request.request);
    return rungOf(model, licence, { estimatedCost: estimate.cost, estimatedMs: estimate.ms, available: deps.available(model) });
  });
  return {
    ladder,
    tried: attempts.map((attempt): Attempt => {
      const { name } = attempt.model;
      const estimate = ladder.find((rung) => rung.model === name)?.estimatedCost;
      const { result, confidence } = attempt;
      return { model: name, result, confidence, cost: attempt.cost ?? estimate ?? ZERO_USD };
    }),
    need: request.need,
    startAt: request.startAt,
    polish: request.polish !== null,
    budget: request.budget,
    now: deps.clock.now(),
    deadlineAt: request.deadlineAt,
  };
}

const OTHER_VERSION: Licence = { kind: 'uncertified', why: 'pins-changed' };

/** Whether what a model has answered came from the version that its licence is about. The ceiling needs no licence. */
function isCovered(model: string, attempts: readonly Attempted[], { covers }: StepDeps): boolean {
  if (covers === undefined) return true;
  const last = attempts.findLast((attempt) => attempt.model.name === model);
  const served = last?.answer.servedModel ?? null;
  return last === undefined || served === null || covers(last.model, served);
}

function turnOf(action: Extract<Action, { do: 'call' }>, attempts: readonly Attempted[], step: Step, request: StepRequest): Turn {
  const rung = step.ladder.find(({ model }) => model.name === action.model);
  if (!rung) throw new SmallfirstError('INTERNAL', `the policy named ${action.model}, which is not on the ladder`);
  const isCeiling = rung === step.ladder.at(-1);
  const { model, gate = null } = rung;
  const { why } = action;
  const polishing = why === 'polish' ? polishOf(attempts, request) : null;
  // Written out, not spread: this runs for each of a million rows.
  if (polishing) return { model, why, isCeiling, gate, request: polishing, itemId: null, input: null };
  return { model, why, isCeiling, gate, request: request.request, itemId: request.itemId, input: request.input };
}

/** The request for the last pass, over the latest complete answer; null when none is asked for or there is nothing to polish yet. */
function polishOf(attempts: readonly Attempted[], request: StepRequest): ModelRequest | null {
  const draft = attempts.findLast(({ result }) => result === 'complete');
  return draft && request.polish ? request.polish(request.request, draft.answer) : null;
}

function conclude(action: Exclude<Action, { do: 'call' }>, attempts: readonly Attempted[], step: Step, evidence: Evidence): Walked {
  if (action.do === 'refuse') throw refusal(action.why, attempts, evidence);
  const served = attempts[action.attempt];
  if (!served) throw new SmallfirstError('INTERNAL', 'the policy answered with an attempt that was not made');
  const { model, answer, validation, confidence } = served;
  const result: StepResult = {
    answer,
    value: validation.value,
    model: model.name,
    tier: model.tier,
    decision: action.why,
    confidence,
    threshold: thresholdOf(model.name, step),
    certified: action.certified,
    attempts: attempts.map(summaryOf),
    cost: total(attempts),
    latencyMs: attempts.reduce<number | null>((sum, { latencyMs }) => (sum === null || latencyMs === null ? null : sum + latencyMs), 0),
  };
  return { result, served };
}

function summaryOf({ callId, model, why, result, confidence, cost, latencyMs }: Attempted): StepAttempt {
  return { callId, model: model.name, tier: model.tier, why, result, confidence, cost, latencyMs };
}

function total(attempts: readonly Attempted[]): NanoUsd | null {
  const costs = attempts.map(({ cost }) => cost).filter((cost) => cost !== null);
  return costs.length < attempts.length ? null : addUsd(...costs);
}

function thresholdOf(model: string, step: Step): number | null {
  const index = step.ladder.findLastIndex((rung) => rung.model.name === model);
  const licence = step.ladder[index]?.licence;
  if (index === step.ladder.length - 1 || !licence || licence.kind === 'uncertified') return null;
  return licence.threshold !== null && Number.isFinite(licence.threshold) ? licence.threshold : null;
}

const refusalCodes = {
  'no-feasible-model': 'NO_FEASIBLE_MODEL',
  'no-budget': 'BUDGET_EXCEEDED',
  deadline: 'DEADLINE_EXCEEDED',
  'all-failed': 'UPSTREAM_FAILED',
} as const satisfies Record<RefuseReason, ErrorCode>;

/** What the caller is told. When all failed, that is what the last provider said, in its own words and with its own code. */
function refusal(why: RefuseReason, attempts: readonly Attempted[], evidence: Evidence): SmallfirstError {
  const failure = attempts.at(-1)?.error;
  if (why === 'all-failed' && failure) return failure;
  const limits = { budgetLeft: budgetLeft(evidence), now: evidence.now, deadlineAt: evidence.deadlineAt };
  const rungs = evidence.ladder.map((rung) => {
    const isTried = evidence.tried.some(({ model }) => model === rung.model);
    return `${rung.model} (${isTried ? 'failed' : whyNot(rung, evidence.need, limits)})`;
  });
  const message = rungs.length === 0 ? 'the ladder is empty' : `no model can answer: ${rungs.join(', ')}`;
  return new SmallfirstError(refusalCodes[why], message, failure ? { cause: failure } : {});
}

/** Why a rung was not called, with what the request needs that its model does not declare. */
function whyNot(rung: Rung, need: Need, limits: Limits): string {
  const why = infeasible(rung, need, limits);
  if (why !== 'capability') return String(why);
  return `does not declare ${[...need.capabilities].filter((capability) => !rung.capabilities.has(capability)).join(', ')}`;
}

function aborted(): SmallfirstError {
  return new SmallfirstError('ABORTED', 'the caller went away');
}
