import { readWireError } from '../codecs/errors.ts';

/** Statuses after which the same request may be sent again, unless the body says otherwise. */
export function mayRetry(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || (status >= 500 && status !== 501);
}

/** Whether an answer says that its upstream is not well: a limited key or a bad request is not the upstream's failure. */
export function isUpstreamFault(status: number): boolean {
  return status >= 500 && status !== 501;
}

/** What a failed answer means for what comes next. */
export interface Verdict {
  /** Another try of the same upstream can help. */
  readonly retry: boolean;
  /** The quota behind this key is spent: no other try with it can help for long. */
  readonly quota: boolean;
}

/** Reads a failed answer. `shouldRetry` is the upstream's own header, which wins where it says no. */
export function judge(status: number, body: string, shouldRetry: string | null): Verdict {
  const error = readWireError(status, body);
  const quota = error.kind === 'quota' || error.kind === 'billing';
  return { retry: mayRetry(status) && error.retryable && shouldRetry !== 'false', quota };
}

/** How long an answer asks to wait, in milliseconds: `retry-after-ms`, else `retry-after` in seconds or as a date. Null when it does not say. */
export function retryAfterMs(afterMs: string | null, after: string | null, wallNow: number): number | null {
  if (afterMs !== null) {
    const ms = Number(afterMs);
    if (afterMs.trim() !== '' && Number.isFinite(ms) && ms >= 0) return ms;
  }
  if (after === null || after.trim() === '') return null;
  const seconds = Number(after);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : null;
  const date = Date.parse(after);
  return Number.isNaN(date) ? null : Math.max(0, date - wallNow);
}

/** How waits between tries grow. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 500, capMs: 8_000 };

/** The wait before a try: doubles with each one, is capped, and the upper half of it is drawn so that clients do not come back in step. */
export function backoffMs(tries: number, random: number, options: BackoffOptions = DEFAULT_BACKOFF): number {
  const full = Math.min(options.capMs, options.baseMs * 2 ** Math.min(30, tries));
  return full * (0.5 + random / 2);
}
