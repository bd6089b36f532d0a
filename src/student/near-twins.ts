import { nearDuplicateGroups, shinglesOf } from '../similarity/index.ts';

/** Jaccard similarity of two texts' shingles from which they are near twins. */
const THRESHOLD = 0.8;

/** Share of texts that have a near twin among the others: held-out rows with a twin in training are easier than traffic. */
export function nearTwinShare(texts: readonly string[]): number {
  const groups = nearDuplicateGroups(
    texts.map((text) => shinglesOf(text)),
    THRESHOLD,
  );
  const sizes = new Map<number, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  return groups.filter((group) => sizes.get(group)! > 1).length / Math.max(1, texts.length);
}
