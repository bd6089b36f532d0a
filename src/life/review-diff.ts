/** Lines around a change that show where it is. */
const CONTEXT = 3;
/** Longest table for the shortest edit; past it a changed middle is shown as one block. */
const MOST_CELLS = 4_000_000;

interface Edit {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/** A unified diff of two texts, as `diff -u` prints it; empty where they are the same. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return '';
  const edits = editsOf(linesOf(before), linesOf(after));
  return [`--- ${name}`, `+++ ${name}`, ...hunksOf(edits), ''].join('\n');
}

function linesOf(text: string): readonly string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

/** Common ends, and the shortest edit of what is between them (longest common subsequence). */
function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const same = (lines: readonly string[]): Edit[] => lines.map((text) => ({ sign: ' ', text }));
  const middle = shortest(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return [...same(before.slice(0, start)), ...middle, ...same(before.slice(before.length - end))];
}

function shortest(a: readonly string[], b: readonly string[]): readonly Edit[] {
  const removed = (text: string): Edit => ({ sign: '-', text });
  const added = (text: string): Edit => ({ sign: '+', text });
  if (a.length * b.length > MOST_CELLS) return [...a.map(removed), ...b.map(added)];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const at = i * width + j;
      common[at] = a[i] === b[j] ? common[at + width + 1]! + 1 : Math.max(common[at + width]!, common[at + 1]!);
    }
  }
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push({ sign: ' ', text: a[i]! });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      edits.push(removed(a[i]!));
      i += 1;
    } else {
      edits.push(added(b[j]!));
      j += 1;
    }
  }
  return edits;
}

function hunksOf(edits: readonly Edit[]): readonly string[] {
  const lines: string[] = [];
  const changes = edits.flatMap(({ sign }, at) => (sign === ' ' ? [] : [at]));
  for (let next = 0; next < changes.length; ) {
    const from = Math.max(0, changes[next]! - CONTEXT);
    let last = changes[next]!;
    for (next += 1; next < changes.length && changes[next]! - last <= 2 * CONTEXT; next += 1) last = changes[next]!;
    const hunk = edits.slice(from, last + CONTEXT + 1);
    const place = (other: Edit['sign']): string => {
      const count = hunk.filter(({ sign }) => sign !== other).length;
      const before = edits.slice(0, from).filter(({ sign }) => sign !== other).length;
      return `${count === 0 ? before : before + 1},${count}`;
    };
    lines.push(`@@ -${place('+')} +${place('-')} @@`, ...hunk.map(({ sign, text }) => `${sign}${text}`));
  }
  return lines;
}
