import type { Json, NanoUsd } from '../core/index.ts';
import type { StoredPair, TaskEvent, TaskEventKind } from '../store/types.ts';
import { flag, invalid, measured, number, numberOrNull, oneOf, requireLength, text, textOrNull } from './spool-members.ts';

/** First member of a line that is a pair, or an event of a task: the version of its shape. */
export const PAIR = 'p1';
export const EVENT = 'e1';
const PAIR_MEMBERS = 27;
const EVENT_MEMBERS = 8;

/** A pair as one line, with members by place like a call's. */
export function encodePair(pair: StoredPair): string {
  const line = JSON.stringify([
    PAIR,
    pair.id,
    pair.task,
    pair.small,
    pair.big,
    pair.at,
    pair.drawn,
    measured(pair.inclusion),
    pair.cluster,
    measured(pair.smallQuality),
    measured(pair.bigQuality),
    measured(pair.confidence),
    pair.signals,
    measured(pair.smallCost),
    measured(pair.bigCost),
    measured(pair.smallLatencyMs),
    measured(pair.bigLatencyMs),
    pair.requestId,
    pair.certificate,
    pair.prompt,
    pair.servedSmall,
    pair.servedBig,
    pair.input,
    pair.smallOutput,
    pair.bigOutput,
    pair.by,
    pair.skip ? 1 : 0,
  ]);
  return `${line}\n`;
}

/** An event of a task as one line. */
export function encodeEvent(event: TaskEvent): string {
  const { id, task, at, kind, certificate, reason, detail } = event;
  return `${JSON.stringify([EVENT, id, task, at, kind, certificate, reason, detail])}\n`;
}

/** The pair that a line's members say. Throws INPUT_INVALID. */
export function decodePair(m: readonly unknown[]): StoredPair {
  requireLength(m, PAIR_MEMBERS);
  return {
    id: text(m[1], 'id'),
    task: text(m[2], 'task'),
    small: text(m[3], 'small'),
    big: text(m[4], 'big'),
    at: number(m[5], 'at'),
    drawn: oneOf(m[6], draws, 'drawn'),
    inclusion: number(m[7], 'inclusion'),
    cluster: textOrNull(m[8], 'cluster'),
    smallQuality: number(m[9], 'smallQuality'),
    bigQuality: number(m[10], 'bigQuality'),
    confidence: numberOrNull(m[11], 'confidence'),
    signals: signals(m[12]),
    smallCost: numberOrNull(m[13], 'smallCost') as NanoUsd | null,
    bigCost: numberOrNull(m[14], 'bigCost') as NanoUsd | null,
    smallLatencyMs: numberOrNull(m[15], 'smallLatencyMs'),
    bigLatencyMs: numberOrNull(m[16], 'bigLatencyMs'),
    requestId: textOrNull(m[17], 'requestId'),
    certificate: textOrNull(m[18], 'certificate'),
    prompt: textOrNull(m[19], 'prompt'),
    servedSmall: textOrNull(m[20], 'servedSmall'),
    servedBig: textOrNull(m[21], 'servedBig'),
    input: textOrNull(m[22], 'input'),
    smallOutput: textOrNull(m[23], 'smallOutput'),
    bigOutput: textOrNull(m[24], 'bigOutput'),
    by: text(m[25], 'by'),
    skip: flag(m[26], 'skip'),
  };
}

/** The event that a line's members say. Throws INPUT_INVALID. */
export function decodeEvent(m: readonly unknown[]): TaskEvent {
  requireLength(m, EVENT_MEMBERS);
  return {
    id: text(m[1], 'id'),
    task: text(m[2], 'task'),
    at: number(m[3], 'at'),
    kind: oneOf(m[4], kinds, 'kind'),
    certificate: textOrNull(m[5], 'certificate'),
    reason: text(m[6], 'reason'),
    detail: m[7] as Json,
  };
}

const draws = { uniform: true, audit: true, feedback: true, active: true, upload: true } as const satisfies Record<
  StoredPair['drawn'],
  true
>;
const kinds = {
  proposed: true,
  approved: true,
  stage: true,
  alarm: true,
  provisional: true,
  rollback: true,
  voided: true,
  covariate: true,
  recovered: true,
  'shadow-budget': true,
  deprecation: true,
  drift: true,
  candidate: true,
  golden: true,
  promoted: true,
  reverted: true,
  retired: true,
} as const satisfies Record<TaskEventKind, true>;

function signals(value: unknown): StoredPair['signals'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('signals is not an object');
  for (const signal of Object.values(value)) number(signal, 'a signal');
  return value as StoredPair['signals'];
}
