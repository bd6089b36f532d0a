import { addUsd, type Model, type NanoUsd, ZERO_USD } from '../core/index.ts';
import { ANY_MODEL } from './feasible.ts';
import { nextAction } from './next-action.ts';
import type { Action, Attempt, AttemptResult, CallReason, Evidence, Licence, Need, Rung } from './types.ts';

/** A policy for one request, replayed or live: the ladder and whatever bounds it. What is left out sets no limit. */
export interface Policy {
  readonly ladder: readonly Rung[];
  readonly need?: Need;
  readonly startAt?: number;
  readonly polish?: boolean;
  readonly budget?: NanoUsd | null;
  /** Time allowed from the request's start. */
  readonly deadlineMs?: number | null;
}

/** What a model is known to have answered. Null members were not recorded. */
export interface RecordedAttempt {
  readonly result: AttemptResult;
  readonly confidence: number | null;
  readonly cost: NanoUsd | null;
  readonly latencyMs: number | null;
  /** 0..1 by the task's metric. */
  readonly quality: number | null;
}

/** One recorded request. */
export interface ReplayCase {
  readonly id: string;
  /** By model name. */
  readonly recorded: ReadonlyMap<string, RecordedAttempt>;
  /** What the ceiling made of the accepted draft, where that was recorded: it is another call than the ceiling's own answer. */
  readonly polished?: RecordedAttempt;
}

export interface ReplayCall extends RecordedAttempt {
  readonly model: string;
  readonly why: CallReason;
}

/** What a policy would have done with one recorded request. */
export interface ReplayOutcome {
  readonly id: string;
  /** The final action; null when the policy wanted a call that was not recorded (`unrecorded`), and so cannot be replayed. */
  readonly final: Exclude<Action, { do: 'call' }> | null;
  readonly unrecorded: string | null;
  readonly calls: readonly ReplayCall[];
  /** The call that answered, null without one. */
  readonly answer: ReplayCall | null;
  /** Of all calls made; null when one of them has none. */
  readonly cost: NanoUsd | null;
  readonly latencyMs: number | null;
}

/** A rung for a model of the registry; unless told otherwise it is available and has no known price or latency. */
export function rungOf(
  model: Model,
  licence: Licence,
  known: Partial<Pick<Rung, 'estimatedCost' | 'estimatedMs' | 'available'>> = {},
): Rung {
  return {
    model: model.name,
    tier: model.tier,
    boundary: model.boundary,
    capabilities: model.capabilities,
    contextWindow: model.contextWindow,
    estimatedCost: known.estimatedCost ?? null,
    estimatedMs: known.estimatedMs ?? null,
    licence,
    available: known.available ?? true,
  };
}

/** Runs the live rule over recorded requests: what would have been called, answered and paid. Nothing unrecorded is made up. */
export function replayPolicy<Case extends ReplayCase>(cases: Iterable<Case>, policyFor: (one: Case) => Policy): readonly ReplayOutcome[] {
  const outcomes: ReplayOutcome[] = [];
  for (const one of cases) outcomes.push(replayCase(one, policyFor(one)));
  return outcomes;
}

function replayCase(one: ReplayCase, policy: Policy): ReplayOutcome {
  const calls: ReplayCall[] = [];
  const tried: Attempt[] = [];
  let now = 0;
  for (;;) {
    const action = nextAction(evidenceOf(policy, tried, now));
    if (action.do !== 'call') return outcomeOf(one.id, calls, action, null);
    const { model, why } = action;
    const recorded = why === 'polish' ? one.polished : one.recorded.get(model);
    if (!recorded) return outcomeOf(one.id, calls, null, model);
    // Written out, here and below: spreading costs more than all the rest of a replay over a month of calls.
    const { result, confidence, cost, latencyMs, quality } = recorded;
    calls.push({ model, why, result, confidence, cost, latencyMs, quality });
    tried.push({ model, result, confidence, cost: cost ?? estimateOf(policy, model) ?? ZERO_USD });
    now += latencyMs ?? 0;
  }
}

function estimateOf(policy: Policy, model: string): NanoUsd | null {
  return policy.ladder.find((rung) => rung.model === model)?.estimatedCost ?? null;
}

function evidenceOf(policy: Policy, tried: readonly Attempt[], now: number): Evidence {
  return {
    ladder: policy.ladder,
    tried,
    need: policy.need ?? ANY_MODEL,
    startAt: policy.startAt ?? 0,
    polish: policy.polish ?? false,
    budget: policy.budget ?? null,
    now,
    deadlineAt: policy.deadlineMs ?? null,
  };
}

function outcomeOf(id: string, calls: readonly ReplayCall[], final: ReplayOutcome['final'], unrecorded: string | null): ReplayOutcome {
  let cost: NanoUsd | null = ZERO_USD;
  let latencyMs: number | null = 0;
  for (const call of calls) {
    cost = cost === null || call.cost === null ? null : addUsd(cost, call.cost);
    latencyMs = latencyMs === null || call.latencyMs === null ? null : latencyMs + call.latencyMs;
  }
  const answer = final?.do === 'answer' ? (calls[final.attempt] ?? null) : null;
  return { id, final, unrecorded, calls, answer, cost, latencyMs };
}
