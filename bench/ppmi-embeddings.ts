import { seededRandom } from '../src/statistics/index.ts';

/** Vectors of words learnt from unlabelled texts alone: nothing pretrained, nothing downloaded. */
export interface WordVectors {
  readonly dimensions: number;
  /** The mean of the text's word vectors, weighted by rarity; zeros where no word is known. */
  vectorOf(text: string): Float32Array;
}

const WINDOW = 5;
const DIMENSIONS = 128;
const ROUNDS = 6;
const FEWEST = 2;

/**
 * Positive pointwise mutual information of words within five words of each other, reduced by a truncated eigendecomposition (Levy and Goldberg
 * 2014; subspace iteration), contexts smoothed by the power 0.75.
 */
export function learnWordVectors(texts: readonly string[], seed: number): WordVectors {
  const documents = texts.map(wordsOf);
  const { index, rarity } = vocabularyOf(documents);
  const vectors = reduced(ppmiOf(documents, index), index.size, seed);
  return {
    dimensions: DIMENSIONS,
    vectorOf: (text) => {
      const sum = new Float32Array(DIMENSIONS);
      for (const word of wordsOf(text)) {
        const at = index.get(word);
        if (at === undefined) continue;
        for (let d = 0; d < DIMENSIONS; d += 1) sum[d] = sum[d]! + rarity[at]! * vectors[at * DIMENSIONS + d]!;
      }
      return sum;
    },
  };
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+|\p{N}+/gu) ?? [];
}

function vocabularyOf(documents: readonly (readonly string[])[]): {
  readonly index: ReadonlyMap<string, number>;
  readonly rarity: Float64Array;
} {
  const counts = new Map<string, number>();
  for (const words of documents) for (const word of new Set(words)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const kept = [...counts].filter(([, count]) => count >= FEWEST);
  return {
    index: new Map(kept.map(([word], i) => [word, i])),
    rarity: Float64Array.from(kept, ([, count]) => Math.log(documents.length / count)),
  };
}

/** A dense symmetric matrix: the vocabularies of these texts have a few thousand words. */
function ppmiOf(documents: readonly (readonly string[])[], index: ReadonlyMap<string, number>): Float32Array {
  const size = index.size;
  const pairs = new Float32Array(size * size);
  for (const words of documents) {
    const known = words.map((word) => index.get(word) ?? -1);
    for (let i = 0; i < known.length; i += 1) {
      for (let j = Math.max(0, i - WINDOW); j < i; j += 1) {
        const [a, b] = [known[i]!, known[j]!];
        if (a < 0 || b < 0) continue;
        pairs[a * size + b] = pairs[a * size + b]! + 1;
        pairs[b * size + a] = pairs[b * size + a]! + 1;
      }
    }
  }
  const rows = Float64Array.from({ length: size }, (_, i) =>
    pairs.subarray(i * size, (i + 1) * size).reduce((sum, value) => sum + value, 0),
  );
  const total = rows.reduce((sum, value) => sum + value, 0);
  const smoothed = rows.map((value) => value ** 0.75);
  const smoothedTotal = smoothed.reduce((sum, value) => sum + value, 0);
  for (let a = 0; a < size; a += 1) {
    for (let b = 0; b < size; b += 1) {
      const count = pairs[a * size + b]!;
      if (count > 0) pairs[a * size + b] = Math.max(0, Math.log(count / total / ((rows[a]! / total) * (smoothed[b]! / smoothedTotal))));
    }
  }
  return pairs;
}

/** The leading eigenvectors by subspace iteration, each scaled by the root of its eigenvalue's size. */
function reduced(matrix: Float32Array, size: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  let basis: Float32Array = Float32Array.from({ length: size * DIMENSIONS }, () => random.normal());
  let lengths: Float64Array = new Float64Array(DIMENSIONS);
  for (let round = 0; round < ROUNDS; round += 1) {
    orthonormalise(basis, size);
    basis = product(matrix, basis, size);
    lengths = Float64Array.from({ length: DIMENSIONS }, (_, d) => columnLength(basis, size, d));
  }
  orthonormalise(basis, size);
  for (let i = 0; i < size; i += 1) {
    for (let d = 0; d < DIMENSIONS; d += 1) basis[i * DIMENSIONS + d] = basis[i * DIMENSIONS + d]! * Math.sqrt(lengths[d]!);
  }
  return basis;
}

function product(matrix: Float32Array, basis: Float32Array, size: number): Float32Array {
  const out = new Float32Array(size * DIMENSIONS);
  for (let i = 0; i < size; i += 1) {
    const to = i * DIMENSIONS;
    for (let j = 0; j < size; j += 1) {
      const weight = matrix[i * size + j]!;
      if (weight === 0) continue;
      const from = j * DIMENSIONS;
      for (let d = 0; d < DIMENSIONS; d += 1) out[to + d] = out[to + d]! + weight * basis[from + d]!;
    }
  }
  return out;
}

/** Modified Gram–Schmidt over the columns. */
function orthonormalise(basis: Float32Array, size: number): void {
  for (let d = 0; d < DIMENSIONS; d += 1) {
    for (let e = 0; e < d; e += 1) {
      let dot = 0;
      for (let i = 0; i < size; i += 1) dot += basis[i * DIMENSIONS + d]! * basis[i * DIMENSIONS + e]!;
      for (let i = 0; i < size; i += 1) basis[i * DIMENSIONS + d] = basis[i * DIMENSIONS + d]! - dot * basis[i * DIMENSIONS + e]!;
    }
    const length = columnLength(basis, size, d) || 1;
    for (let i = 0; i < size; i += 1) basis[i * DIMENSIONS + d] = basis[i * DIMENSIONS + d]! / length;
  }
}

function columnLength(basis: Float32Array, size: number, d: number): number {
  let squares = 0;
  for (let i = 0; i < size; i += 1) squares += basis[i * DIMENSIONS + d]! ** 2;
  return Math.sqrt(squares);
}
