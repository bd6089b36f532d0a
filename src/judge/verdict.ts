import { parseJsonAnswer } from '../core/index.ts';
import type { Score } from './types.ts';

/** Which of two answers is better, as they were shown. */
export type Better = 'first' | 'second' | 'tie';

/** A score as the judge wrote it: the JSON object that was asked for, alone; null for anything else, a score outside 0…1 too. */
export function readScore(text: string): Score | null {
  const { reason, score, ...others } = membersOf(text);
  if (typeof reason !== 'string' || typeof score !== 'number' || Object.keys(others).length > 0) return null;
  return score >= 0 && score <= 1 ? { score, reason } : null;
}

/** A preference as the judge wrote it; null for anything but the JSON object that was asked for. */
export function readPreference(text: string): Better | null {
  const { reason, better, ...others } = membersOf(text);
  if (typeof reason !== 'string' || Object.keys(others).length > 0) return null;
  return better === 'first' || better === 'second' || better === 'tie' ? better : null;
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  const parsed = parseJsonAnswer(text);
  if (!parsed.ok || typeof parsed.value !== 'object' || parsed.value === null || Array.isArray(parsed.value)) return {};
  return parsed.value as Readonly<Record<string, unknown>>;
}
