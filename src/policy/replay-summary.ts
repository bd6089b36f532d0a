import { addUsd, type NanoUsd, ZERO_USD } from '../core/index.ts';
import type { ReplayOutcome } from './replay.ts';

/** One model's part in a replay. */
export interface ModelShare {
  readonly model: string;
  readonly calls: number;
  /** Requests that it answered. */
  readonly answers: number;
  /** Sum over its priced calls. */
  readonly cost: NanoUsd;
  readonly unpricedCalls: number;
}

/** A replay added up. Requests that could not be replayed are counted in `unrecorded` and in nothing else. */
export interface ReplaySummary {
  readonly requests: number;
  readonly unrecorded: number;
  readonly answered: number;
  readonly refused: number;
  /** Answers under a certificate or by the ceiling itself. */
  readonly certified: number;
  /** Requests that took more than one call, the polish apart. */
  readonly escalated: number;
  readonly calls: number;
  /** Sum over the priced calls; with `unpricedCalls` above 0 it is a lower bound. */
  readonly cost: NanoUsd;
  readonly unpricedCalls: number;
  /** Mean quality over the answers that have one and the refused requests, which count as 0; null when no answer has one. */
  readonly quality: number | null;
  /** Mean over the requests whose every call has a latency; null without any. */
  readonly latencyMs: number | null;
  /** In order of first call. */
  readonly models: readonly ModelShare[];
}

/** Adds outcomes up: money exactly, quality and latency as means. */
export function summariseReplay(outcomes: readonly ReplayOutcome[]): ReplaySummary {
  const replayed = outcomes.filter((outcome) => outcome.final !== null);
  const answered = replayed.filter((outcome) => outcome.answer !== null);
  const models = modelShares(replayed);
  return {
    requests: outcomes.length,
    unrecorded: outcomes.length - replayed.length,
    answered: answered.length,
    refused: replayed.length - answered.length,
    certified: replayed.filter(({ final }) => final?.do === 'answer' && final.certified).length,
    escalated: replayed.filter(({ calls }) => calls.filter(({ why }) => why !== 'polish').length > 1).length,
    calls: models.reduce((sum, share) => sum + share.calls, 0),
    cost: models.reduce((sum, share) => addUsd(sum, share.cost), ZERO_USD),
    unpricedCalls: models.reduce((sum, share) => sum + share.unpricedCalls, 0),
    quality: answered.some(({ answer }) => answer?.quality != null)
      ? mean(replayed.map(({ answer }) => (answer ? answer.quality : 0)))
      : null,
    latencyMs: mean(replayed.map(({ latencyMs }) => latencyMs)),
    models,
  };
}

function modelShares(outcomes: readonly ReplayOutcome[]): readonly ModelShare[] {
  const shares = new Map<string, { -readonly [Key in keyof ModelShare]: ModelShare[Key] }>();
  for (const { calls, answer } of outcomes) {
    for (const call of calls) {
      let share = shares.get(call.model);
      if (!share) {
        share = { model: call.model, calls: 0, answers: 0, cost: ZERO_USD, unpricedCalls: 0 };
        shares.set(call.model, share);
      }
      share.calls += 1;
      if (call === answer) share.answers += 1;
      if (call.cost === null) share.unpricedCalls += 1;
      else share.cost = addUsd(share.cost, call.cost);
    }
  }
  return [...shares.values()];
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
