import { jaccard, tokenShingles, UnionFind } from '../../similarity/index.ts';
import { agree, areCompatible } from './output-shape.ts';
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
      if (isValue(one.words, other.words) && agree(one.profile.shape, other.profile.shape)) {
        groups.join(a, b);
        continue;
      }
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

/** Words in a row that may be a value which the mask did not know: a company in small letters, a language. */
const VALUE_WORDS = 3;
const COMMON_WORDS = 4;

/** Whether two templates differ in one short run of words only, with enough around it that is equal. */
function isValue(a: readonly string[], b: readonly string[]): boolean {
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return start + end >= COMMON_WORDS && Math.max(a.length, b.length) - start - end <= VALUE_WORDS;
}

/** The form of the answer may change with a version; the tools are what the task does. */
function toolsOf(shape: string): string {
  return shape.split('|')[0] ?? '';
}

const TIME_BINS = 24;

/** The share of calls that two templates have at the same time: 1 for two that are always used side by side, 0 for one after the other. */
function overlapInTime(a: TaskProfile, b: TaskProfile): number {
  const [first, last] = [Math.min(a.when.least, b.when.least), Math.max(a.when.most, b.when.most)];
  const sharesOf = ({ when }: TaskProfile): Float64Array => {
    const bins = new Float64Array(TIME_BINS);
    for (const at of when.values) {
      const bin = last === first ? 0 : Math.min(TIME_BINS - 1, Math.floor(((at - first) / (last - first)) * TIME_BINS));
      bins[bin] = (bins[bin] ?? 0) + 1 / when.values.length;
    }
    return bins;
  };
  const other = sharesOf(b);
  return sharesOf(a).reduce((sum, share, bin) => sum + Math.min(share, other[bin] ?? 0), 0);
}
