import type { ErrorCode, Json } from '../core/index.ts';

/** One row of the input of a bulk job. */
export interface InputRow {
  /** Position in the input, from 0: what a job knows its rows by, whatever ids they carry. */
  readonly ordinal: number;
  /** Line of the file that it begins on, from 1; null where the input has no lines. */
  readonly line: number | null;
  /** The row's own, else its position from 1. */
  readonly id: string | number;
  readonly input: Readonly<Record<string, Json>>;
  /** Why the row cannot be run; null for a good one. */
  readonly problem: string | null;
}

/** What a row of the input holds, before it is numbered. */
export interface RawRow {
  readonly line: number | null;
  readonly value: unknown;
  readonly problem: string | null;
}

/** A row that could not be answered, as it stands in the side file. */
export interface ErrorRow {
  readonly id: string | number;
  readonly line: number | null;
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

/** Where a job stands. */
export interface BatchProgress {
  /** Rows of the input; null while they are not counted. */
  readonly total: number | null;
  readonly done: number;
  readonly failed: number;
  readonly escalated: number;
  readonly spentUsd: number;
  /** Rows of this run a second, finished ones. */
  readonly rowsPerSecond: number;
  /** Calls that may be under way together now, summed over providers' keys. */
  readonly concurrency: number;
}

/** What a job did, in this run. */
export interface BatchSummary {
  /** Rows of the input that were looked at, skipped ones included. */
  readonly rows: number;
  readonly done: number;
  readonly failed: number;
  /** Rows that an earlier run had finished. */
  readonly skipped: number;
  /** Spent in this run; null when a call is unpriced. */
  readonly costUsd: number | null;
  readonly rowsPerSecond: number;
  /** Rows in which a step escalated. */
  readonly escalated: number;
  /** Calls that were under way when an earlier run was killed: asked again, with the same idempotency key. */
  readonly atRisk: number;
  /** Answers of an earlier run that were used again. */
  readonly reused: number;
  /** Batches that were sent to providers for it, in this run and before; absent where models were asked straight. */
  readonly batches?: number;
  /** Why it ended before its last row: Ctrl-C, the cap, or a provider that answers nobody; null when it did not. */
  readonly stopped: 'aborted' | 'max-cost' | 'upstream' | null;
  /** What the provider said last, where that ended it. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}
