import { jaccard, nearDuplicateGroups, nearestAcross, shinglesOf } from '../similarity/index.ts';
import { Counts, comparedText, type DraftRow, type NodeResult } from './draft.ts';

/** Jaccard similarity of 3- to 5-character shingles from which two inputs are near-duplicates. */
export interface DistinctSettings {
  readonly threshold: number;
}

/** Rows without near-duplicates, and for each the group that must not be split. */
export interface DistinctResult extends NodeResult {
  /** Number of the near-duplicate group of each row that was kept. */
  readonly groups: readonly number[];
}

/**
 * Removes near-duplicates, and whatever is one of a row of the golden set. Of rows that are alike and have the same answer one stays:
 * a person's before a model's, and the newest; each that goes is near one that stays. Rows that are alike and have different answers
 * all stay, flagged `label-conflict`: which is right, a person must say. Counts: `near-golden`, `duplicate`, `label-conflict`.
 */
export function distinctRows(
  rows: readonly DraftRow[],
  golden: readonly Pick<DraftRow, 'text' | 'messages' | 'id'>[],
  { threshold }: DistinctSettings,
): DistinctResult {
  const counts = new Counts();
  const free = withoutGolden(rows, golden, { threshold, counts });
  const ranked = [...free].sort(betterFirst);
  const sets = ranked.map((row) => shinglesOf(comparedText(row)));
  const groups = nearDuplicateGroups(sets, threshold);
  const keptOf = new Map<number, number[]>();
  for (const [i, row] of ranked.entries()) {
    const group = groups[i]!;
    const kept = keptOf.get(group) ?? [];
    const isRepeat = kept.some((j) => answerOf(ranked[j]!) === answerOf(row) && jaccard(sets[i]!, sets[j]!) >= threshold);
    if (isRepeat) counts.add('duplicate');
    else kept.push(i);
    keptOf.set(group, kept);
  }
  const kept = ranked.flatMap((row, i) => {
    const members = keptOf.get(groups[i]!) ?? [];
    if (!members.includes(i)) return [];
    const isContested = members.some((j) => answerOf(ranked[j]!) !== answerOf(row) && jaccard(sets[i]!, sets[j]!) >= threshold);
    if (isContested) counts.add('label-conflict');
    return [{ row: isContested ? flagged(row) : row, group: groups[i]! }];
  });
  kept.sort((a, b) => (a.row.at ?? 0) - (b.row.at ?? 0) || (a.row.id < b.row.id ? -1 : 1));
  return { rows: kept.map(({ row }) => row), groups: kept.map(({ group }) => group), counts: counts.all };
}

function withoutGolden(
  rows: readonly DraftRow[],
  golden: readonly Pick<DraftRow, 'text' | 'messages' | 'id'>[],
  { threshold, counts }: { readonly threshold: number; readonly counts: Counts },
): readonly DraftRow[] {
  if (golden.length === 0) return rows;
  const ids = new Set(golden.map(({ id }) => id));
  const sets = rows.map((row) => shinglesOf(comparedText(row)));
  const near = nearestAcross(
    golden.map((row) => shinglesOf(comparedText(row))),
    sets,
    threshold,
  );
  const refused = new Set(near.map(({ second }) => second));
  return rows.filter(({ id }, i) => {
    const isGolden = refused.has(i) || ids.has(id);
    if (isGolden) counts.add('near-golden');
    return !isGolden;
  });
}

const RANK = { human: 0, upload: 1, 'model-label': 2, log: 3 } as const;

function betterFirst(a: DraftRow, b: DraftRow): number {
  return RANK[a.provenance] - RANK[b.provenance] || (b.at ?? 0) - (a.at ?? 0) || (a.id < b.id ? -1 : 1);
}

/** Answers compare as they are; an input without one is alike to nothing but its own kind. */
function answerOf({ output }: DraftRow): string {
  return output === undefined ? 'none' : output === null ? 'null' : `text ${output}`;
}

function flagged(row: DraftRow): DraftRow {
  return { ...row, flags: [...row.flags, 'label-conflict'] };
}
