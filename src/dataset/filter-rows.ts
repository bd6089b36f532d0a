import type { EpochMs } from '../core/index.ts';
import type { CountTokens } from '../pricing/index.ts';
import { Counts, type DraftRow, type NodeResult } from './draft.ts';

/** What is left out. A member that is null leaves nothing out. */
export interface FilterSettings {
  readonly minCharacters: number;
  /** Inputs and answers above this are left out; `flagTokens` only flags them. */
  readonly maxTokens: number | null;
  readonly flagTokens: number | null;
  /** Only these answers, for a label task. */
  readonly labels: readonly string[] | null;
  /** Only inputs that this regular expression (flags iu) finds something in. */
  readonly match: string | null;
  readonly since: EpochMs | null;
  /** Only these models' answers are kept; rows with another's wait for a relabelling or a person. */
  readonly teachers: readonly string[] | null;
}

/** Leaves out what the settings say and flags long rows. Counts: `too-short`, `too-long`, `other-label`, `unmatched`, `too-old`, `long`, `other-teacher`. */
export function filterRows(rows: readonly DraftRow[], settings: FilterSettings, countTokens: CountTokens): NodeResult {
  const counts = new Counts();
  const pattern = settings.match === null ? null : new RegExp(settings.match, 'iu');
  const labels = settings.labels === null ? null : new Set(settings.labels);
  const kept: DraftRow[] = [];
  const teachers = settings.teachers === null ? null : new Set(settings.teachers);
  for (const given of rows) {
    const isOthers = teachers !== null && given.output !== undefined && given.teacher !== null && !teachers.has(given.teacher.model);
    if (isOthers) counts.add('other-teacher');
    const row = isOthers ? unanswered(given) : given;
    const tokens = tokensOf(row, countTokens);
    const reason = reasonAgainst(row, { settings, pattern, labels, tokens });
    if (reason !== null) counts.add(reason);
    else if (settings.flagTokens !== null && tokens > settings.flagTokens) {
      counts.add('long');
      kept.push({ ...row, flags: [...row.flags, 'long'] });
    } else kept.push(row);
  }
  return { rows: kept, counts: counts.all };
}

/** Tokens of a row as a model is trained on it: everything before the answer, and the answer. */
export function tokensOf({ text, messages, output }: Pick<DraftRow, 'text' | 'messages' | 'output'>, countTokens: CountTokens): number {
  const before = messages === null ? countTokens(text) : messages.reduce((sum, { content }) => sum + countTokens(content), 0);
  return before + (typeof output === 'string' ? countTokens(output) : 0);
}

function unanswered(row: DraftRow): DraftRow {
  const { output, ...rest } = row;
  return output === undefined ? row : rest;
}

interface Judging {
  readonly settings: FilterSettings;
  readonly pattern: RegExp | null;
  readonly labels: ReadonlySet<string> | null;
  readonly tokens: number;
}

function reasonAgainst(row: DraftRow, { settings, pattern, labels, tokens }: Judging): string | null {
  if (row.text.trim().length < settings.minCharacters) return 'too-short';
  if (settings.since !== null && row.at !== null && row.at < settings.since) return 'too-old';
  if (settings.maxTokens !== null && tokens > settings.maxTokens) return 'too-long';
  if (labels !== null && row.output !== undefined && (row.output === null || !labels.has(row.output))) return 'other-label';
  return pattern === null || pattern.test(row.text) ? null : 'unmatched';
}
