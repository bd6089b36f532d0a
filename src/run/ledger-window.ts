import type { EpochMs } from '../core/index.ts';

/** A calendar day or month in UTC: every process and every reader of the bill agrees when it ends. */
export type BudgetWindow = 'day' | 'month';

/** The first moment of the window that holds a time. */
export function windowStart(window: BudgetWindow, at: EpochMs): EpochMs {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), window === 'day' ? date.getUTCDate() : 1);
}

/** The first moment after the window that holds a time. */
export function windowEnd(window: BudgetWindow, at: EpochMs): EpochMs {
  const date = new Date(at);
  if (window === 'day') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
