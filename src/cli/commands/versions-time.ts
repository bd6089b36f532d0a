import { type EpochMs, SmallfirstError } from '../../core/index.ts';
import { parseDay } from '../day.ts';

/** Reads a day, or a moment such as 2026-10-01T12:30:00Z. Throws SmallfirstError (USAGE) that names the option. */
export function parseMoment(option: string, text: string): EpochMs {
  if (!text.includes('T')) return parseDay(option, text);
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new SmallfirstError('USAGE', `${option} takes a day or a moment such as 2026-10-01T12:30:00Z, not "${text}".`);
}
