import { bandingFor, LshIndex } from './lsh.ts';
import { jaccard } from './shingles.ts';
import { SKETCH_SIZE, sketchOf } from './sketch.ts';
import { UnionFind } from './union-find.ts';

/** Two rows that are near-duplicates, with their exact similarity. `first` is the earlier one. */
export interface NearPair {
  readonly first: number;
  readonly second: number;
  readonly similarity: number;
}

/**
 * The group of each set, as the number of the group's first member: sets whose exact Jaccard similarity reaches the threshold are in one
 * group, and so are those that others link. Candidates come from the signatures, so a pair right at the threshold is missed at most once
 * in 1,000; equal sets never are.
 */
export function nearDuplicateGroups(sets: readonly Uint32Array[], threshold: number): Int32Array {
  const groups = new UnionFind(sets.length);
  const index = new LshIndex(bandingFor(threshold));
  const rowOf: number[] = [];
  const equal = new EqualSets();
  for (const [row, set] of sets.entries()) {
    const twin = equal.firstOf(set, row, sets);
    if (twin !== row) {
      groups.join(twin, row);
      continue;
    }
    const signature = sketchOf(set, SKETCH_SIZE);
    index.candidates(signature, (entry) => {
      const other = rowOf[entry]!;
      if (groups.find(other) !== groups.find(row) && reaches(sets[other]!, set, threshold)) groups.join(other, row);
    });
    index.add(signature);
    rowOf.push(row);
  }
  return firstMembers(groups, sets.length);
}

/** Every pair of a row of `queries` and its most similar row of `against` that reaches the threshold; `first` counts in `against`, `second` in `queries`. */
export function nearestAcross(against: readonly Uint32Array[], queries: readonly Uint32Array[], threshold: number): readonly NearPair[] {
  const index = new LshIndex(bandingFor(threshold));
  for (const set of against) index.add(sketchOf(set, SKETCH_SIZE));
  const pairs: NearPair[] = [];
  for (const [second, set] of queries.entries()) {
    let best: NearPair | null = null;
    index.candidates(sketchOf(set, SKETCH_SIZE), (first) => {
      const similarity = couldReach(against[first]!, set, Math.max(threshold, best?.similarity ?? 0)) ? jaccard(against[first]!, set) : 0;
      const isBetter = best === null || similarity > best.similarity || (similarity === best.similarity && first < best.first);
      if (similarity >= threshold && isBetter) best = { first, second, similarity };
    });
    if (best !== null) pairs.push(best);
  }
  return pairs;
}

/**
 * Groups of a stream, one row after the other: a row joins the group whose leader (its first row) it is most similar to, if that reaches
 * the threshold, and founds a group otherwise. Memory grows with the groups, not with the rows: signatures and sets are kept of leaders
 * only. Depends on the order of the rows and on nothing else.
 */
export class StreamGroups {
  readonly threshold: number;
  readonly #index: LshIndex;
  readonly #leaders: Uint32Array[] = [];
  readonly #sizes: number[] = [];

  constructor(threshold: number) {
    this.threshold = threshold;
    this.#index = new LshIndex(bandingFor(threshold));
  }

  /** Groups so far. */
  get count(): number {
    return this.#leaders.length;
  }

  /** Rows of a group. Throws RangeError for one that is not there. */
  sizeOf(group: number): number {
    const size = this.#sizes[group];
    if (size === undefined) throw new RangeError(`There is no group ${group}.`);
    return size;
  }

  /** Takes the next row's set and returns the number of its group, counted from 0. */
  add(set: Uint32Array): number {
    const signature = sketchOf(set, SKETCH_SIZE);
    const group = this.#nearest(set, signature) ?? this.#found(set, signature);
    this.#sizes[group] = (this.#sizes[group] ?? 0) + 1;
    return group;
  }

  /** The group that a set would join; null for none. Changes nothing. */
  find(set: Uint32Array): number | null {
    return this.#nearest(set, sketchOf(set, SKETCH_SIZE));
  }

  #found(set: Uint32Array, signature: Uint32Array): number {
    this.#leaders.push(set);
    return this.#index.add(signature);
  }

  #nearest(set: Uint32Array, signature: Uint32Array): number | null {
    let best: number | null = null;
    let most = this.threshold;
    this.#index.candidates(signature, (group) => {
      const leader = this.#leaders[group]!;
      if (!couldReach(leader, set, most)) return false;
      const similarity = jaccard(leader, set);
      if (similarity > most || (similarity === most && (best === null || group < best))) [best, most] = [group, similarity];
      // Nothing is nearer than equal, and the first of equals is the leader.
      return similarity === 1;
    });
    return best;
  }
}

/** Whether sets of these sizes can be that similar at all: |small| / |large| bounds Jaccard from above. */
function couldReach(a: Uint32Array, b: Uint32Array, threshold: number): boolean {
  return Math.min(a.length, b.length) >= threshold * Math.max(a.length, b.length);
}

function reaches(a: Uint32Array, b: Uint32Array, threshold: number): boolean {
  return couldReach(a, b, threshold) && jaccard(a, b) >= threshold;
}

function firstMembers(groups: UnionFind, n: number): Int32Array {
  const first = new Map<number, number>();
  return Int32Array.from({ length: n }, (_, row) => {
    const root = groups.find(row);
    const known = first.get(root) ?? row;
    first.set(root, known);
    return known;
  });
}

/** Equal sets found by a hash of their content and compared to be sure: logs repeat, and repeats need no signature. */
class EqualSets {
  readonly #rows = new Map<number, number[]>();

  firstOf(set: Uint32Array, row: number, sets: readonly Uint32Array[]): number {
    let hash = set.length;
    for (const value of set) hash = (Math.imul(hash, 31) + value) | 0;
    const bucket = this.#rows.get(hash);
    if (bucket === undefined) {
      this.#rows.set(hash, [row]);
      return row;
    }
    const twin = bucket.find((other) => isEqual(sets[other]!, set));
    if (twin === undefined) bucket.push(row);
    return twin ?? row;
  }
}

function isEqual(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
