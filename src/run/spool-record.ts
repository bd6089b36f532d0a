import type { Call } from '../core/index.ts';
import type { Feedback, StoredPair, TaskEvent } from '../store/types.ts';
import { decodeCall, isCall } from './spool-call.ts';
import { CALL_1, decodeCall1 } from './spool-call-1.ts';
import { decodeEvent, decodePair, EVENT, PAIR } from './spool-life-record.ts';
import { invalid, measured, membersOf, number, numberOrNull, requireLength, text, textOrNull } from './spool-members.ts';

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

const BODY = 'b1';
const FEEDBACK = 'f1';
const BODY_MEMBERS = 4;
const FEEDBACK_MEMBERS = 8;

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
  if (isCall(line)) return { kind: 'call', call: decodeCall(line) };
  const members = membersOf(line);
  switch (members[0]) {
    case CALL_1:
      return { kind: 'call', call: decodeCall1(members) };
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
