import type { EpochMs } from './clock.ts';
import type { Floor } from './task.ts';
import type { CertifyMethod, Verdict } from './verdict.ts';

/** The evidence that a policy keeps its floor. Void as soon as anything in `pins` changes, and after `expiresAt`. */
export interface Certificate {
  readonly id: string;
  readonly task: string;
  /** Name in the registry of the model that answers first, and of the ceiling it is measured against. */
  readonly small: string;
  readonly big: string;
  readonly verdict: Verdict;
  /** Accept from this confidence on; null for a swap (accept all) and for the frontier (accept none). */
  readonly threshold: number | null;
  /** Name of the confidence signal, null when none is used. */
  readonly signal: string | null;
  readonly method: CertifyMethod;
  readonly floor: Floor;
  /** Which look at a growing sample this was, from 1, or null for the one planned look; and the error it spent. */
  readonly look: number | null;
  readonly delta: number;
  readonly pairs: number;
  /** Share of traffic that the small model keeps. */
  readonly accepted: number;
  readonly retained: number;
  readonly retainedLowerBound: number;
  readonly counts: { readonly kept: number; readonly lost: number; readonly gained: number };
  /** SHA-256 over the pairs, so that the evidence can be found and checked again. */
  readonly evidenceHash: string;
  /** What must not change: served model versions, prompt hash, schema hash, student checksum … */
  readonly pins: Readonly<Record<string, string>>;
  readonly issuedAt: EpochMs;
  readonly expiresAt: EpochMs;
}
