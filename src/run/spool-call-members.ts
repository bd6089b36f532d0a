import type { Call, CallCombination, Outcome, Purpose, StopReason, Tier, UsageSource } from '../core/index.ts';
import { flag, invalid, oneOf, text, textOrNull } from './spool-members.ts';

/** How many members a combination has. */
export const SHARED_MEMBERS = 17;

/** A combination as a list; `sharedFrom` reads it. */
export function sharedList(call: CallCombination): readonly unknown[] {
  return [
    call.task,
    call.step,
    call.pipeline,
    call.key,
    call.team,
    call.model,
    call.provider,
    call.servedModel,
    call.tier,
    call.purpose,
    call.outcome,
    call.error,
    call.stop,
    call.usageSource,
    call.priceId,
    call.decision,
    call.streamed ? 1 : 0,
  ];
}

/** A combination from its list. Throws INPUT_INVALID, naming the member. */
export function sharedFrom(m: readonly unknown[]): CallCombination {
  return {
    task: textOrNull(m[0], 'task'),
    step: textOrNull(m[1], 'step'),
    pipeline: textOrNull(m[2], 'pipeline'),
    key: textOrNull(m[3], 'key'),
    team: textOrNull(m[4], 'team'),
    model: text(m[5], 'model'),
    provider: text(m[6], 'provider'),
    servedModel: textOrNull(m[7], 'servedModel'),
    tier: oneOf(m[8], tiers, 'tier'),
    purpose: oneOf(m[9], purposes, 'purpose'),
    outcome: oneOf(m[10], outcomes, 'outcome'),
    error: textOrNull(m[11], 'error'),
    stop: m[12] === null ? null : oneOf(m[12], stops, 'stop'),
    usageSource: oneOf(m[13], usageSources, 'usageSource'),
    priceId: textOrNull(m[14], 'priceId'),
    decision: textOrNull(m[15], 'decision'),
    streamed: flag(m[16], 'streamed'),
  };
}

/** The tags of a call. Throws INPUT_INVALID. */
export function tagsFrom(value: unknown): Call['tags'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('tags is not an object');
  for (const tag of Object.values(value)) text(tag, 'a tag');
  return value as Call['tags'];
}

const tiers = { small: true, mid: true, frontier: true } as const satisfies Record<Tier, true>;
const purposes = {
  answer: true,
  escalation: true,
  polish: true,
  shadow: true,
  audit: true,
  judge: true,
  eval: true,
  passthrough: true,
} as const satisfies Record<Purpose, true>;
const outcomes = {
  accepted: true,
  escalated: true,
  invalid: true,
  truncated: true,
  refused: true,
  failed: true,
  aborted: true,
  observed: true,
} as const satisfies Record<Outcome, true>;
const stops = {
  done: true,
  'stop-sequence': true,
  length: true,
  'tool-call': true,
  refusal: true,
  'content-filter': true,
  cut: true,
} as const satisfies Record<StopReason, true>;
const usageSources = { reported: true, counted: true, recorded: true } as const satisfies Record<UsageSource, true>;
