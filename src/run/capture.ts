import { createHash } from 'node:crypto';

/** What is kept of a task's request and answer texts. */
export interface CaptureRule {
  readonly mode: 'off' | 'full' | 'redacted';
  /** Share of the client requests whose bodies are kept, 0..1. */
  readonly rate: number;
}

/**
 * What to keep of one client request. The same request always gives the same answer, in every process and attempt, and of two rates
 * the higher keeps all that the lower one keeps: the request id's hash, as a number in [0, 1), is compared with the rate.
 */
export function captureBody(rule: CaptureRule, requestId: string): CaptureRule['mode'] {
  if (rule.mode === 'off' || !(rule.rate > 0)) return 'off';
  return rule.rate >= 1 || requestFraction('capture', requestId) < rule.rate ? rule.mode : 'off';
}

/** A number in [0, 1), uniform over request ids and independent between purposes: the first 53 bits of a SHA-256. */
export function requestFraction(purpose: string, requestId: string): number {
  const hash = createHash('sha256').update(`${purpose}\0${requestId}`).digest();
  // 53 bits are what a double holds exactly: 32 and 21.
  return (hash.readUInt32BE(0) * 2 ** 21 + (hash.readUInt32BE(4) >>> 11)) / 2 ** 53;
}

/** The key of a request body in the store: SHA-256 of its text. It is the call's `bodyHash`. */
export function bodyHash(body: string): string {
  return createHash('sha256').update(body, 'utf8').digest('hex');
}

/** The key of an answer's text in the store. Derived from the call, which has no column of its own for it. */
export function answerKey(callId: string): string {
  return createHash('sha256').update(`answer\0${callId}`).digest('hex');
}
