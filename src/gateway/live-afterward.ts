import type { Answer, Call } from '../core/index.ts';

/**
 * Why the ceiling answers although a certificate is in force: the request is outside of the canary's share, an alarm or a rollback took
 * the certificate's traffic away, what was recorded under it could not be read yet, the triage sends it there, or its task has escalated
 * as often as it may within an hour.
 */
export type CeilingReason = 'outside-canary' | 'fallen-back' | 'unknown-standing' | 'triaged' | 'escalation-cap';

/** What becomes of a request when its answer is complete: a shadow call, an audit, a pair. */
export interface Afterward {
  /** An attempt of a ladder was recorded, with what it said. */
  said(row: Call, answer: Answer): void;
  /** Bytes of an answer pass by. */
  heard(chunk: Buffer): void;
  /** The answer that was heard was recorded; it is not compressed. */
  relayed(row: Call, isStream: boolean): void;
  /** The client has its answer, or has gone: what is left to do may begin. */
  over(): void;
}
