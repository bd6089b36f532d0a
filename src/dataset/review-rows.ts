import type { Output } from '../core/index.ts';
import { type HumanLabel, standingLabels } from '../metrics/index.ts';
import type { Feedback } from '../store/index.ts';
import { answerForm, Counts, type DraftRow, type NodeResult } from './draft.ts';

/** Below this mean score of people a text answer is not learned from. */
const GOOD_ENOUGH = 0.5;

/**
 * What people said, put into the rows of their requests: the newest right answer replaces the recorded one (which becomes the worse one
 * of a preference), and texts that people scored below a half are left out. Answers that clients sent back as feedback count like those
 * of a labelling queue: all of it is FIT. Counts: `reviewed`, `corrected`, `scored-low`, `unusable-label`.
 */
export function reviewRows(rows: readonly DraftRow[], feedback: readonly Feedback[], output: Output | null): NodeResult {
  const counts = new Counts();
  const said = wordsOf(feedback);
  const kept: DraftRow[] = [];
  for (const row of rows) {
    const words = said.get(row.id);
    const next = words === undefined ? row : reviewed(row, words, { output, counts });
    if (next !== null) kept.push(next);
  }
  return { rows: kept, counts: counts.all };
}

interface Words {
  /** Newest first. */
  readonly answers: { readonly text: string; readonly sample: string; readonly at: string }[];
  readonly scores: { readonly model: string; readonly score: number }[];
}

function wordsOf(feedback: readonly Feedback[]): ReadonlyMap<string, Words> {
  const said = new Map<string, Words>();
  const of = (requestId: string): Words => {
    const words = said.get(requestId) ?? { answers: [], scores: [] };
    said.set(requestId, words);
    return words;
  };
  const idOf = new Map(
    feedback.map((row) => [keyOf(row.key?.replace(/^label:/, '') ?? '', row.requestId, row.label), `${row.at} ${row.id}`]),
  );
  for (const label of standingLabels(feedback)) take(label, of, idOf);
  for (const { key, label, requestId, at, id } of feedback) {
    if (label !== null && !key?.startsWith('label:')) of(requestId).answers.push({ text: label, sample: 'feedback', at: `${at} ${id}` });
  }
  for (const { answers } of said.values()) answers.sort((a, b) => (a.at < b.at ? 1 : -1));
  return said;
}

function take(label: HumanLabel, of: (requestId: string) => Words, idOf: ReadonlyMap<string, string>): void {
  if (label.skipped) return;
  const at = idOf.get(keyOf(label.by, label.requestId, label.label)) ?? '';
  if (label.label !== null) of(label.requestId).answers.push({ text: label.label, sample: label.sample, at });
  if (label.answer !== null && label.score !== null) of(label.requestId).scores.push({ model: label.answer, score: label.score });
}

function keyOf(by: string, requestId: string, label: string | null): string {
  return JSON.stringify([by, requestId, label]);
}

function reviewed(
  row: DraftRow,
  { answers, scores }: Words,
  { output, counts }: { readonly output: Output | null; readonly counts: Counts },
): DraftRow | null {
  const answer = answers.find(({ text }) => answerForm(text, output) !== null);
  if (answer !== undefined) return corrected(row, { text: answerForm(answer.text, output) ?? '', sample: answer.sample }, counts);
  if (answers.length > 0) counts.add('unusable-label');
  const own = scores.filter(({ model }) => model === row.teacher?.model);
  if (own.length === 0) return row;
  if (own.reduce((sum, { score }) => sum + score, 0) / own.length < GOOD_ENOUGH) {
    counts.add('scored-low');
    return null;
  }
  counts.add('reviewed');
  return row;
}

function corrected(row: DraftRow, { text, sample }: { readonly text: string; readonly sample: string }, counts: Counts): DraftRow {
  counts.add('reviewed');
  const was = row.output ?? null;
  if (was !== null && was !== text) counts.add('corrected');
  const worse = was === null || was === text ? row.rejected : was;
  return {
    ...row,
    output: text,
    rejected: worse === text ? null : worse,
    provenance: 'human',
    teacher: null,
    drawn: sample === 'uniform' ? row.drawn : sample === 'feedback' ? 'feedback' : 'active',
  };
}
