import { changeStrings, type PrivateKind, scrub } from '../privacy/index.ts';
import { Counts, type DraftRow, type NodeResult } from './draft.ts';

/** Whether private texts are replaced, or only counted and flagged; and which kinds. */
export interface ScrubSettings {
  readonly mode: 'scrub' | 'flag';
  readonly kinds: readonly PrivateKind[];
}

/** Replaces private texts in inputs and answers, or flags the rows that hold some. Counts by kind, and `rows` with any. */
export function scrubRows(rows: readonly DraftRow[], { mode, kinds }: ScrubSettings): NodeResult {
  const counts = new Counts();
  const scrubbed = rows.map((row): DraftRow => {
    let found = 0;
    const clean = (text: string): string => {
      const { text: without, counts: kindCounts } = scrub(text, kinds);
      for (const [kind, n] of Object.entries(kindCounts)) {
        counts.add(kind, n);
        found += n;
      }
      return without;
    };
    const without = replaced(row, clean);
    if (found === 0) return row;
    counts.add('rows');
    return mode === 'scrub' ? without : { ...row, flags: [...row.flags, 'private'] };
  });
  return { rows: scrubbed, counts: counts.all };
}

/** A row with its texts changed; answers that are JSON stay JSON. The last message repeats `text`, so it is counted once. */
function replaced(row: DraftRow, clean: (text: string) => string): DraftRow {
  const text = clean(row.text);
  const messages =
    row.messages?.map((message) => ({ ...message, content: message.content === row.text ? text : clean(message.content) })) ?? null;
  const { output, rejected } = row;
  return {
    ...row,
    text,
    messages,
    ...(typeof output === 'string' ? { output: changeStrings(output, clean) } : {}),
    rejected: rejected === null ? null : changeStrings(rejected, clean),
  };
}
