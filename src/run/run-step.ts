import { addUsd, type ErrorCode, type ModelRequest, type NanoUsd, SmallfirstError, ZERO_USD } from '../core/index.ts';
import {
  type Action,
  type Attempt,
  budgetLeft,
  type Evidence,
  infeasible,
  nextAction,
  type RefuseReason,
  rungOf,
} from '../policy/index.ts';
import { type Attempted, makeAttempt, type Turn } from './attempt.ts';
import { callRows, type Final } from './call-row.ts';
import type { Step, StepAttempt, StepDeps, StepRequest, StepResult } from './types.ts';

/**
 * Runs one step: asks the policy, calls what it names, weighs the answer, and again until the policy answers. Every attempt becomes
 * one row of the record, also when the step throws. A provider's failure is an attempt that escalates.
 *
 * Throws SmallfirstError: ABORTED, NO_FEASIBLE_MODEL, BUDGET_EXCEEDED, DEADLINE_EXCEEDED, or the last provider's own error when all
 * that could be called failed.
 */
export async function runStep(step: Step, request: StepRequest, deps: StepDeps): Promise<StepResult> {
  const attempts: Attempted[] = [];
  let final: Final = null;
  try {
    for (;;) {
      if (request.signal?.aborted) throw aborted();
      const evidence = gather(attempts, step, request, deps);
      const action = nextAction(evidence);
      if (action.do !== 'call') {
        final = action;
        return conclude(action, attempts, step, evidence);
      }
      const attempt = await makeAttempt(turnOf(action, attempts, step, request), step, request, deps);
      attempts.push(attempt);
      if (attempt.error?.code === 'ABORTED') throw attempt.error;
    }
  } finally {
    for (const row of callRows(attempts, final, step, request)) deps.record(row);
  }
}

function gather(attempts: readonly Attempted[], step: Step, request: StepRequest, deps: StepDeps): Evidence {
  const polishing = polishOf(attempts, request);
  const ladder = step.ladder.map(({ model, licence }, index) => {
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

function turnOf(action: Extract<Action, { do: 'call' }>, attempts: readonly Attempted[], step: Step, request: StepRequest): Turn {
  const rung = step.ladder.find(({ model }) => model.name === action.model);
  if (!rung) throw new SmallfirstError('INTERNAL', `the policy named ${action.model}, which is not on the ladder`);
  const turn = { model: rung.model, why: action.why };
  const polishing = action.why === 'polish' ? polishOf(attempts, request) : null;
  if (polishing) return { ...turn, request: polishing, itemId: null, input: null };
  return { ...turn, request: request.request, itemId: request.itemId, input: request.input };
}

/** The request for the last pass, over the latest complete answer; null when none is asked for or there is nothing to polish yet. */
function polishOf(attempts: readonly Attempted[], request: StepRequest): ModelRequest | null {
  const draft = attempts.findLast(({ result }) => result === 'complete');
  return draft && request.polish ? request.polish(request.request, draft.answer) : null;
}

function conclude(action: Exclude<Action, { do: 'call' }>, attempts: readonly Attempted[], step: Step, evidence: Evidence): StepResult {
  if (action.do === 'refuse') throw refusal(action.why, attempts, evidence);
  const served = attempts[action.attempt];
  if (!served) throw new SmallfirstError('INTERNAL', 'the policy answered with an attempt that was not made');
  const { model, answer, validation, confidence } = served;
  return {
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
    return `${rung.model} (${isTried ? 'failed' : infeasible(rung, evidence.need, limits)})`;
  });
  const message = rungs.length === 0 ? 'the ladder is empty' : `no model can answer: ${rungs.join(', ')}`;
  return new SmallfirstError(refusalCodes[why], message, failure ? { cause: failure } : {});
}

function aborted(): SmallfirstError {
  return new SmallfirstError('ABORTED', 'the caller went away');
}
