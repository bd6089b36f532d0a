import { jaccard, tokenShingles, UnionFind } from '../../similarity/index.ts';
import { areCompatible } from './output-shape.ts';
import type { TaskProfile } from './profile.ts';

/** A template as one of several that may be versions of one. */
export interface Version {
  readonly shape: string;
  /** The words that are constant in it, in order. */
  readonly words: readonly string[];
  readonly profile: TaskProfile;
}

/** Similarity from which two templates are one when the second begins after the first has ended … */
const AFTER = 0.4;
/** … and when both are used at the same time: then they are two unless they are nearly equal. */
const BESIDE = 0.8;
/** Templates that are compared in pairs; of more than that the smallest stay what they are. */
const MOST_COMPARED = 1_000;

/**
 * Which templates are versions of one task, as groups of their places. Two are when their constant words are similar (Jaccard over words
 * and pairs of words), their answers are of one form, and the more they are used at the same time the more similar they are.
 */
export function versionGroups(versions: readonly Version[]): readonly (readonly number[])[] {
  const groups = new UnionFind(versions.length);
  const order = versions.map((_, i) => i).sort((a, b) => versions[b]!.profile.calls - versions[a]!.profile.calls);
  const compared = order.slice(0, MOST_COMPARED);
  const sets = versions.map(({ words }) => tokenShingles(words));
  for (const [place, a] of compared.entries()) {
    for (const b of compared.slice(0, place)) {
      const [one, other] = [versions[a]!, versions[b]!];
      if (toolsOf(one.shape) !== toolsOf(other.shape)) continue;
      const similarity = jaccard(sets[a]!, sets[b]!);
      if (similarity < AFTER || !areCompatible(one.profile.shape, other.profile.shape)) continue;
      if (similarity >= AFTER + (BESIDE - AFTER) * overlapInTime(one.profile, other.profile)) groups.join(a, b);
    }
  }
  const members = new Map<number, number[]>();
  for (const i of versions.keys()) {
    const root = groups.find(i);
    members.set(root, [...(members.get(root) ?? []), i]);
  }
  return [...members.values()];
}

/** The form of the answer may change with a version; the tools are what the task does. */
function toolsOf(shape: string): string {
  return shape.split('|')[0] ?? '';
}

/** Common time over the shorter of both spans, without the first and last 2 % of calls. */
function overlapInTime(a: TaskProfile, b: TaskProfile): number {
  const [fromA, toA] = [a.when.quantile(0.02) ?? 0, a.when.quantile(0.98) ?? 0];
  const [fromB, toB] = [b.when.quantile(0.02) ?? 0, b.when.quantile(0.98) ?? 0];
  const common = Math.min(toA, toB) - Math.max(fromA, fromB);
  const shorter = Math.min(toA - fromA, toB - fromB);
  if (common < 0) return 0;
  return shorter === 0 ? 1 : Math.min(1, common / shorter);
}
