import { mix } from './shingles.ts';

/** Values per signature unless told: the estimate's standard deviation is at most 1/√128/2 ≈ 0.044. */
export const SKETCH_SIZE = 128;

/** What the empty set's signature is filled with. */
const EMPTY = 0xffffffff;

/**
 * A set's signature: the share of places at which two of them agree estimates the sets' Jaccard similarity without bias. Fast similarity
 * sketching (Dahlgaard, Knudsen and Thorup 2017): every element is thrown into one place per round until no place is empty, and rounds
 * past `size` throw it into each place in turn. So a long text costs one hash per shingle, where `size` permutations cost `size`.
 * `size` is a power of two up to 1,024.
 */
export function sketchOf(shingles: Uint32Array, size: number = SKETCH_SIZE): Uint32Array {
  const signature = new Uint32Array(size).fill(EMPTY);
  if (shingles.length === 0) return signature;
  const filledIn = new Int16Array(size).fill(-1);
  const shift = 32 - Math.log2(size);
  let empty = size;
  for (let round = 0; empty > 0; round += 1) {
    const salt = mix(round + 1);
    for (let i = 0; i < shingles.length; i += 1) {
      const hash = mix(shingles[i]! ^ salt);
      // Of the last rounds each serves one place: whatever is still empty then is filled.
      const place = round < size ? hash >>> shift : round - size;
      if (filledIn[place] === -1) {
        filledIn[place] = round;
        signature[place] = EMPTY;
        empty -= 1;
      } else if (filledIn[place] !== round) continue;
      // The place took the high bits, so what decides within it must be other ones.
      const rank = mix(hash + round);
      if (rank < signature[place]!) signature[place] = rank;
    }
  }
  return signature;
}

/** The estimated Jaccard similarity of the sets that two signatures of one size are of. */
export function estimateJaccard(a: Uint32Array, b: Uint32Array): number {
  let same = 0;
  for (let i = 0; i < a.length; i += 1) if (a[i] === b[i]) same += 1;
  return same / a.length;
}
