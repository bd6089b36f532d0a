import { asText } from './exact.ts';
import type { Case, MetricOptions, Scored } from './types.ts';

/** 1 − edits / length of the longer text, in code points (autoevals' Levenshtein). */
export function levenshtein(item: Case, options: MetricOptions): Scored {
  const [got, wanted] = [Array.from(item.answer.trim()), Array.from(asText(options.value ?? item.expected).trim())];
  const longer = Math.max(got.length, wanted.length);
  const edits = editDistance(got, wanted);
  return { score: longer === 0 ? 1 : 1 - edits / longer, why: `${edits} edits over ${longer} characters` };
}

/** Insertions, deletions and replacements that turn one sequence into the other. O(length · length) time, O(length) memory. */
export function editDistance(a: ArrayLike<string>, b: ArrayLike<string>): number {
  let before = Uint32Array.from({ length: b.length + 1 }, (_, j) => j);
  let row = new Uint32Array(b.length + 1);
  for (let i = 1; i <= a.length; i += 1) {
    row[0] = i;
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = before[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, before[j]! + 1, row[j - 1]! + 1);
    }
    [before, row] = [row, before];
  }
  return before[b.length]!;
}

/** F1 of shared single words (Lin 2004, ROUGE-1; no stemming). */
export function rouge1(item: Case, options: MetricOptions): Scored {
  return rougeN(item, options, 1);
}

/** F1 of shared word pairs. */
export function rouge2(item: Case, options: MetricOptions): Scored {
  return rougeN(item, options, 2);
}

/** F1 of the longest common subsequence of words (ROUGE-L over the whole text). */
export function rougeL(item: Case, options: MetricOptions): Scored {
  const [got, wanted] = [words(item.answer), words(asText(options.value ?? item.expected))];
  return overlap(commonSubsequence(got, wanted), got.length, wanted.length);
}

function rougeN(item: Case, options: MetricOptions, n: number): Scored {
  const got = grams(words(item.answer), n);
  const wanted = grams(words(asText(options.value ?? item.expected)), n);
  const left = new Map<string, number>();
  for (const gram of wanted) left.set(gram, (left.get(gram) ?? 0) + 1);
  let shared = 0;
  for (const gram of got) {
    const count = left.get(gram) ?? 0;
    if (count > 0) {
      shared += 1;
      left.set(gram, count - 1);
    }
  }
  return overlap(shared, got.length, wanted.length);
}

function overlap(shared: number, got: number, wanted: number): Scored {
  const score = got + wanted === 0 ? 1 : (2 * shared) / (got + wanted);
  return { score, why: `${shared} shared of ${got} given and ${wanted} expected` };
}

// Letters and digits of any script, in lower case; text without spaces between words (Chinese, Thai) is one word a clause.
function words(text: string): readonly string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  );
}

function grams(list: readonly string[], n: number): readonly string[] {
  return list.slice(0, Math.max(0, list.length - n + 1)).map((_, i) => list.slice(i, i + n).join(' '));
}

function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let before = new Uint32Array(b.length + 1);
  let row = new Uint32Array(b.length + 1);
  for (const word of a) {
    for (let j = 1; j <= b.length; j += 1) row[j] = word === b[j - 1] ? before[j - 1]! + 1 : Math.max(before[j]!, row[j - 1]!);
    [before, row] = [row, before];
  }
  return before[b.length]!;
}
