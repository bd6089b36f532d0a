import type { Call, NanoUsd } from '../core/index.ts';
import { sharedFrom, tagsFrom } from './spool-call-members.ts';
import { number, numberOrNull, requireLength, text, textOrNull } from './spool-members.ts';

/** First member of a line that is a call as it was written before: nobody writes it any more, but an update may find it in a spool. */
export const CALL_1 = 'c1';
const MEMBERS = 36;

/** The call that such a line's members say. Throws INPUT_INVALID. */
export function decodeCall1(m: readonly unknown[]): Call {
  requireLength(m, MEMBERS);
  const shared = sharedFrom([...m.slice(4, 20), m[22]]);
  return {
    ...shared,
    id: text(m[1], 'id'),
    requestId: text(m[2], 'requestId'),
    at: number(m[3], 'at'),
    fingerprint: textOrNull(m[20], 'fingerprint'),
    bodyHash: textOrNull(m[21], 'bodyHash'),
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
    tags: tagsFrom(m[35]),
  };
}
