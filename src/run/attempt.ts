import {
  type Answer,
  type EpochMs,
  type Model,
  type ModelRequest,
  type NanoUsd,
  NO_USAGE,
  type SmallfirstError,
  type Usage,
  type UsageSource,
  type Validation,
} from '../core/index.ts';
import type { AttemptResult, CallReason } from '../policy/index.ts';
import { type CallEnd, callModel } from './call-model.ts';
import { judge } from './judge.ts';
import type { Step, StepDeps, StepRequest } from './types.ts';

/** A call to be made: which rung, with which request, and why. */
export interface Turn {
  readonly model: Model;
  readonly why: CallReason;
  readonly request: ModelRequest;
  /** Null where the request is not the item's own: a recording of the item is no recording of its polish. */
  readonly itemId: string | null;
  readonly input: string | null;
}

/** One call and everything that is known of it. */
export interface Attempted {
  readonly callId: string;
  readonly model: Model;
  readonly why: CallReason;
  readonly at: EpochMs;
  readonly result: AttemptResult;
  readonly error: SmallfirstError | null;
  readonly answer: Answer;
  readonly validation: Validation;
  readonly confidence: number | null;
  readonly usage: Usage;
  readonly usageSource: UsageSource;
  readonly cost: NanoUsd | null;
  readonly priceId: string | null;
  readonly latencyMs: number | null;
  readonly firstTokenMs: number | null;
}

/** Makes one call and weighs its answer. A provider's error is its result, never thrown. */
export async function makeAttempt(turn: Turn, step: Step, request: StepRequest, deps: StepDeps): Promise<Attempted> {
  const { model, why } = turn;
  const callId = deps.newId();
  const at = deps.clock.now();
  const { signal, deadlineAt } = request;
  const { itemId, input } = turn;
  const end = await callModel({ client: deps.client(model), request: turn.request, itemId, input, signal, deadlineAt }, deps);
  const { answer, error } = end;
  const judged = judge(answer, turn.request, step.output, deps.validate);
  const result = error ? 'failed' : judged.result;
  const used = usageOf(turn, end, deps);
  const { cost, priceId } = used.usage ? deps.price(model, used.usage, at) : { cost: null, priceId: null };
  const isRecording = used.source === 'recorded' || answer.recorded?.latencyMs !== undefined;
  return {
    callId,
    model,
    why,
    at,
    result,
    error,
    answer,
    validation: judged.validation,
    confidence: result === 'complete' ? deps.confidence(model, answer, judged.validation) : null,
    usage: used.usage ?? NO_USAGE,
    usageSource: used.source,
    cost,
    priceId,
    // The time that a recording takes to read says nothing about the model.
    latencyMs: isRecording ? (answer.recorded?.latencyMs ?? null) : end.latencyMs,
    firstTokenMs: isRecording ? null : end.firstTokenMs,
  };
}

/** As reported, else counted. A call that failed before anything arrived used nothing; one that we broke off did use its prompt. */
function usageOf(turn: Turn, end: CallEnd, deps: StepDeps): { readonly usage: Usage | null; readonly source: UsageSource } {
  const { answer, error } = end;
  if (answer.usage) return { usage: answer.usage, source: answer.usageSource };
  const brokenOff = error?.code === 'ABORTED' || error?.code === 'DEADLINE_EXCEEDED';
  if (error && !end.started && !brokenOff) return { usage: NO_USAGE, source: 'counted' };
  return { usage: deps.countUsage(turn.model, turn.request, answer), source: 'counted' };
}
