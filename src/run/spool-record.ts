import type { Call, NanoUsd, Outcome, Purpose, StopReason, Tier, UsageSource } from '../core/index.ts';
import type { Feedback, StoredPair, TaskEvent } from '../store/types.ts';
import { decodeEvent, decodePair, EVENT, PAIR } from './spool-life-record.ts';
import { flag, invalid, measured, membersOf, number, numberOrNull, oneOf, requireLength, text, textOrNull } from './spool-members.ts';

/** A request or answer body on its way to the store. */
export interface Body {
  readonly hash: string;
  readonly at: number;
  readonly body: string;
}

/** What one line of a spool says. */
export type SpoolRecord =
  | { readonly kind: 'call'; readonly call: Call }
  | { readonly kind: 'body'; readonly body: Body }
  | { readonly kind: 'feedback'; readonly feedback: Feedback }
  | { readonly kind: 'pair'; readonly pair: StoredPair }
  | { readonly kind: 'event'; readonly event: TaskEvent };

const CALL = 'c1';
const BODY = 'b1';
const FEEDBACK = 'f1';
const CALL_MEMBERS = 36;
const BODY_MEMBERS = 4;
const FEEDBACK_MEMBERS = 8;

/**
 * A call as one line that ends in a newline: a JSON array whose first member is the version of its shape. Members are by place,
 * because their names would be half of the line. JSON escapes every newline inside, so the newline alone marks a whole line.
 */
export function encodeCall(call: Call): string {
  const usage = call.usage;
  const line = JSON.stringify([
    CALL,
    call.id,
    call.requestId,
    call.at,
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
    call.fingerprint,
    call.bodyHash,
    call.streamed ? 1 : 0,
    measured(call.cost),
    measured(call.latencyMs),
    measured(call.firstTokenMs),
    measured(call.confidence),
    usage.freshInput,
    usage.cacheRead,
    usage.cacheWrite5m,
    usage.cacheWrite1h,
    usage.output,
    usage.reasoning,
    usage.audioInput,
    usage.audioOutput,
    call.tags,
  ]);
  return `${line}\n`;
}

/** A body as one line. */
export function encodeBody(body: Body): string {
  return `${JSON.stringify([BODY, body.hash, body.at, body.body])}\n`;
}

/** Feedback as one line. */
export function encodeFeedback(feedback: Feedback): string {
  const { id, requestId, at, key, label, score, comment } = feedback;
  return `${JSON.stringify([FEEDBACK, id, requestId, at, key, label, measured(score), comment])}\n`;
}

/** Reads a line without its newline. Throws INPUT_INVALID, naming the member, for a line that none of the encoders wrote. */
export function decodeRecord(line: string): SpoolRecord {
  const members = membersOf(line);
  switch (members[0]) {
    case CALL:
      return { kind: 'call', call: decodeCall(members) };
    case BODY:
      requireLength(members, BODY_MEMBERS);
      return { kind: 'body', body: { hash: text(members[1], 'hash'), at: number(members[2], 'at'), body: text(members[3], 'body') } };
    case FEEDBACK:
      return { kind: 'feedback', feedback: decodeFeedback(members) };
    case PAIR:
      return { kind: 'pair', pair: decodePair(members) };
    case EVENT:
      return { kind: 'event', event: decodeEvent(members) };
    default:
      throw invalid('it is of a kind that this version does not know');
  }
}

function decodeCall(m: readonly unknown[]): Call {
  requireLength(m, CALL_MEMBERS);
  return {
    id: text(m[1], 'id'),
    requestId: text(m[2], 'requestId'),
    at: number(m[3], 'at'),
    task: textOrNull(m[4], 'task'),
    step: textOrNull(m[5], 'step'),
    pipeline: textOrNull(m[6], 'pipeline'),
    key: textOrNull(m[7], 'key'),
    team: textOrNull(m[8], 'team'),
    model: text(m[9], 'model'),
    provider: text(m[10], 'provider'),
    servedModel: textOrNull(m[11], 'servedModel'),
    tier: oneOf(m[12], tiers, 'tier'),
    purpose: oneOf(m[13], purposes, 'purpose'),
    outcome: oneOf(m[14], outcomes, 'outcome'),
    error: textOrNull(m[15], 'error'),
    stop: m[16] === null ? null : oneOf(m[16], stops, 'stop'),
    usageSource: oneOf(m[17], usageSources, 'usageSource'),
    priceId: textOrNull(m[18], 'priceId'),
    decision: textOrNull(m[19], 'decision'),
    fingerprint: textOrNull(m[20], 'fingerprint'),
    bodyHash: textOrNull(m[21], 'bodyHash'),
    streamed: flag(m[22], 'streamed'),
    cost: numberOrNull(m[23], 'cost') as NanoUsd | null,
    latencyMs: numberOrNull(m[24], 'latencyMs'),
    firstTokenMs: numberOrNull(m[25], 'firstTokenMs'),
    confidence: numberOrNull(m[26], 'confidence'),
    usage: {
      freshInput: number(m[27], 'freshInput'),
      cacheRead: number(m[28], 'cacheRead'),
      cacheWrite5m: number(m[29], 'cacheWrite5m'),
      cacheWrite1h: number(m[30], 'cacheWrite1h'),
      output: number(m[31], 'output'),
      reasoning: number(m[32], 'reasoning'),
      audioInput: number(m[33], 'audioInput'),
      audioOutput: number(m[34], 'audioOutput'),
    },
    tags: tags(m[35]),
  };
}

function decodeFeedback(m: readonly unknown[]): Feedback {
  requireLength(m, FEEDBACK_MEMBERS);
  return {
    id: text(m[1], 'id'),
    requestId: text(m[2], 'requestId'),
    at: number(m[3], 'at'),
    key: textOrNull(m[4], 'key'),
    label: textOrNull(m[5], 'label'),
    score: numberOrNull(m[6], 'score'),
    comment: textOrNull(m[7], 'comment'),
  };
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

function tags(value: unknown): Call['tags'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('tags is not an object');
  for (const tag of Object.values(value)) text(tag, 'a tag');
  return value as Call['tags'];
}
