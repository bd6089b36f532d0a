import {
  type Answer,
  type EpochMs,
  type Model,
  type ModelEvent,
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
import { prefixOf, wellFormed } from './prefix.ts';
import type { Release } from './stream-release.ts';
import type { Turn } from './turn.ts';
import type { Step, StepDeps, StepRequest } from './types.ts';

/** One call and everything that is known of it. */
export interface Attempted {
  readonly callId: string;
  readonly model: Model;
  readonly why: CallReason;
  readonly at: EpochMs;
  readonly result: AttemptResult;
  readonly error: SmallfirstError | null;
  /** False: it ended before the call went out, so that there was none. */
  readonly isSent: boolean;
  readonly answer: Answer;
  /** As they came. */
  readonly events: readonly ModelEvent[];
  /** Its beginning went out to the client: no other answer can be given any more. */
  readonly released: boolean;
  readonly validation: Validation;
  readonly confidence: number | null;
  readonly usage: Usage;
  readonly usageSource: UsageSource;
  readonly cost: NanoUsd | null;
  readonly priceId: string | null;
  readonly latencyMs: number | null;
  readonly firstTokenMs: number | null;
}

/** What an attempt is made in. */
export interface AttemptWorld {
  readonly deps: StepDeps;
  /** Lets the answer out while it is being written; null when it is wanted whole. */
  readonly release: Release | null;
}

/** Makes one call and weighs its answer. A provider's error is its result, never thrown. */
export async function makeAttempt(turn: Turn, step: Step, request: StepRequest, { deps, release }: AttemptWorld): Promise<Attempted> {
  const { model, why } = turn;
  const callId = deps.newId();
  const at = deps.clock.now();
  const { signal, deadlineAt } = request;
  const { itemId, input } = turn;
  const client = deps.client(model);
  const end = await callModel(
    { client, request: turn.request, itemId, input, signal, deadlineAt, output: step.output, watcher: release },
    deps,
  );
  const { answer, error } = end;
  const judged = judge(answer, turn.request, step.output, deps.validate);
  const result = error ? 'failed' : end.abandoned ? 'abandoned' : judged.result;
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
    isSent: end.reach !== 'unsent',
    answer,
    events: end.events,
    released: release?.begun ?? false,
    validation: judged.validation,
    confidence: result === 'complete' ? confidenceOf(turn, answer, judged.validation, deps) : (release?.confidence ?? null),
    usage: used.usage ?? NO_USAGE,
    usageSource: used.source,
    cost,
    priceId,
    // The time that a recording takes to read says nothing about the model.
    latencyMs: isRecording ? (answer.recorded?.latencyMs ?? null) : end.latencyMs,
    firstTokenMs: isRecording ? null : end.firstTokenMs,
  };
}

/** P(right), of the whole answer or of what the gate looks at: the same whether the answer was streamed or not. */
function confidenceOf(turn: Turn, answer: Answer, validation: Validation, deps: StepDeps): number | null {
  const { gate, model } = turn;
  if (gate === null || answer.toolCalls.length > 0) return deps.confidence(model, answer, validation);
  if (answer.logprobs === null) return null;
  const prefix = prefixOf(answer.text, answer.logprobs, gate.tokens);
  return deps.confidence(model, prefix, wellFormed(prefix.text));
}

/** As reported, else counted. A call that failed before anything arrived used nothing; one that we broke off while it was out did use its prompt. */
function usageOf(turn: Turn, end: CallEnd, deps: StepDeps): { readonly usage: Usage | null; readonly source: UsageSource } {
  const { answer, error } = end;
  if (answer.usage) return { usage: answer.usage, source: answer.usageSource };
  const brokenOff = end.reach === 'out' && (error?.code === 'ABORTED' || error?.code === 'DEADLINE_EXCEEDED');
  if (error && !end.started && !brokenOff) return { usage: NO_USAGE, source: 'counted' };
  return { usage: deps.countUsage(turn.model, turn.request, answer), source: 'counted' };
}
