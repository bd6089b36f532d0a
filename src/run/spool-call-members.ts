import type { Call, Outcome, Purpose, StopReason, Tier, UsageSource } from '../core/index.ts';
import { flag, invalid, oneOf, text, textOrNull } from './spool-members.ts';

/** What calls have in common with others: it says who was asked for what and how that went, and most calls repeat it. */
export type SharedMembers = Pick<
  Call,
  | 'task'
  | 'step'
  | 'pipeline'
  | 'key'
  | 'team'
  | 'model'
  | 'provider'
  | 'servedModel'
  | 'tier'
  | 'purpose'
  | 'outcome'
  | 'error'
  | 'stop'
  | 'usageSource'
  | 'priceId'
  | 'decision'
  | 'streamed'
>;

/** How many these are. */
export const SHARED_MEMBERS = 17;

/** They as a list; `sharedFrom` reads it. */
export function sharedList(call: SharedMembers): readonly unknown[] {
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

/** They from a list. Throws INPUT_INVALID, naming the member. */
export function sharedFrom(m: readonly unknown[]): SharedMembers {
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

/** Whether two calls have all of them in common; what differs most often is compared first. */
export function isSameShared(a: SharedMembers, b: SharedMembers): boolean {
  return (
    a.model === b.model &&
    a.task === b.task &&
    a.key === b.key &&
    a.outcome === b.outcome &&
    a.stop === b.stop &&
    a.streamed === b.streamed &&
    a.servedModel === b.servedModel &&
    a.priceId === b.priceId &&
    a.decision === b.decision &&
    a.error === b.error &&
    a.step === b.step &&
    a.pipeline === b.pipeline &&
    a.team === b.team &&
    a.provider === b.provider &&
    a.tier === b.tier &&
    a.purpose === b.purpose &&
    a.usageSource === b.usageSource
  );
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
