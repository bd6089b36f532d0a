import { normaliseLabel, SmallfirstError, splitLines } from '../../core/index.ts';
import type { LabelItem } from './label-queue.ts';
import { type LabelRowMembers, LabelSession, type SessionOptions } from './label-session.ts';

/** What reading label lines did. */
export interface LinesRead {
  readonly written: number;
  readonly skipped: number;
}

/**
 * Labels from JSON Lines, for scripts: {"id", "a": score, "b"?: score} for a task whose answers are scored, {"id", "label"} for a label
 * task, {"id", "skip": true}. `id`, `a` and `b` are as `--list` shows them. Each line is written before the next is read. Throws
 * INPUT_INVALID at the line that is wrong; the ones before it stand.
 */
export async function readLabelLines(
  source: AsyncIterable<string>,
  queue: readonly LabelItem[],
  { options, write }: { readonly options: SessionOptions; readonly write: (rows: readonly LabelRowMembers[]) => Promise<void> },
): Promise<LinesRead> {
  const items = new Map(queue.map((item) => [item.requestId, item]));
  let line = 0;
  let written = 0;
  let skipped = 0;
  for await (const text of splitLines(source)) {
    line += 1;
    if (text.trim() === '') continue;
    const fail = (message: string): never => {
      throw new SmallfirstError('INPUT_INVALID', message, { position: { file: 'standard input', line } });
    };
    const row = parse(text, fail);
    const item = items.get(String(row.id));
    if (item === undefined) return fail(`There is no request ${JSON.stringify(row.id ?? null)} in the queue; --list shows them.`);
    const rows = row.skip === true ? new LabelSession([item], options).skip().write : rowsOf(item, row, options, fail);
    if (row.skip === true) skipped += 1;
    else written += rows.length;
    await write(rows);
  }
  return { written, skipped };
}

type Fail = (message: string) => never;

function rowsOf(item: LabelItem, row: Readonly<Record<string, unknown>>, options: SessionOptions, fail: Fail): readonly LabelRowMembers[] {
  const session = new LabelSession([item], options);
  if (options.kind === 'label') {
    const label = typeof row.label === 'string' ? normaliseLabel(row.label, options.labels) : null;
    return label === null ? fail(`"label" must be one of: ${options.labels.join(', ')}.`) : session.name(label).write;
  }
  return item.answers.flatMap((_, i) => {
    const key = 'ab'[i] ?? '';
    const score = row[key];
    if (typeof score !== 'number' || !(score >= 0 && score <= 1)) return fail(`"${key}" must be a score from 0 to 1.`);
    return session.score(score).write;
  });
}

function parse(text: string, fail: Fail): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail('This line is not valid JSON.');
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : fail('A row must be a JSON object.');
}
