import { type EpochMs, SmallfirstError } from '../core/index.ts';

/** Reads a day such as 2026-10-01 as its first moment in UTC. Throws SmallfirstError (USAGE) that names the option and shows the form. */
export function parseDay(option: string, text: string): EpochMs {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // Date.parse takes the 31st of February for a day in March.
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text) {
    throw new SmallfirstError('USAGE', `${option} takes a day such as 2026-10-01, not "${text}".`);
  }
  return at;
}

/** The first moment of the month (UTC) that a time is in. */
export function startOfMonth(at: EpochMs): EpochMs {
  const date = new Date(at);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}
