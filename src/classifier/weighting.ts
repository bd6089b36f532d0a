import type { Corpus } from './corpus.ts';
import { BLOCKS } from './feature-scanner.ts';

const B = BLOCKS.length;

/** Length that each block of a text's vector is scaled to. Chosen by cross-validation on Banking77's training rows, as are the powers. */
export const BLOCK_WEIGHTS: readonly number[] = [0.8, 1, 0.6];

/** Power that each block's inverse document frequency is raised to: rare character grams and pairs say less than rare words. */
const IDF_POWERS: readonly number[] = [1, 0.5, 0.5];

/** Which features count and how much, learnt from training documents only. */
export interface Weighting {
  /** From the corpus's feature number to the vocabulary's, or −1 for a feature that is too rare. */
  readonly index: Int32Array;
  /** Hash of each feature of the vocabulary. */
  readonly hashes: Int32Array;
  /** Inverse document frequency ln((1 + n) / (1 + df)) + 1, raised to the block's power, of each feature of the vocabulary. */
  readonly idf: Float32Array;
}

/** Sparse row vectors: row r holds `indices` and `values` from `offsets[r]` to before `offsets[r + 1]`. */
export interface SparseRows {
  readonly rows: number;
  readonly columns: number;
  readonly offsets: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/** Keeps the features that stand in at least `minDocuments` of the given documents. */
export function fitWeighting(corpus: Corpus, documents: Int32Array, minDocuments: number): Weighting {
  const frequency = new Int32Array(corpus.hashes.length);
  for (const document of documents) {
    const end = corpus.offsets[(document + 1) * B]!;
    for (let i = corpus.offsets[document * B]!; i < end; i += 1) {
      const feature = corpus.features[i]!;
      frequency[feature] = frequency[feature]! + 1;
    }
  }
  const index = new Int32Array(frequency.length).fill(-1);
  let size = 0;
  for (let feature = 0; feature < frequency.length; feature += 1) {
    if (frequency[feature]! >= minDocuments) {
      index[feature] = size;
      size += 1;
    }
  }
  const hashes = new Int32Array(size);
  const idf = new Float32Array(size);
  for (let feature = 0; feature < frequency.length; feature += 1) {
    const kept = index[feature]!;
    if (kept < 0) continue;
    hashes[kept] = corpus.hashes[feature]!;
    idf[kept] = (Math.log((1 + documents.length) / (1 + frequency[feature]!)) + 1) ** IDF_POWERS[corpus.blocks[feature]!]!;
  }
  return { index, hashes, idf };
}

/** Sublinear TF-IDF, (1 + ln tf) × idf, each block scaled to its own weight; features outside the vocabulary are dropped. */
export function weighRows(corpus: Corpus, documents: Int32Array, weighting: Weighting): SparseRows {
  let capacity = 0;
  for (const document of documents) capacity += corpus.offsets[(document + 1) * B]! - corpus.offsets[document * B]!;
  const offsets = new Int32Array(documents.length + 1);
  const indices = new Int32Array(capacity);
  const values = new Float32Array(capacity);
  let size = 0;
  for (let row = 0; row < documents.length; row += 1) {
    for (let block = 0; block < B; block += 1) {
      const bag = documents[row]! * B + block;
      const start = size;
      let squares = 0;
      for (let i = corpus.offsets[bag]!; i < corpus.offsets[bag + 1]!; i += 1) {
        const feature = weighting.index[corpus.features[i]!]!;
        if (feature < 0) continue;
        const value = termWeight(corpus.counts[i]!) * weighting.idf[feature]!;
        indices[size] = feature;
        values[size] = value;
        squares += value * value;
        size += 1;
      }
      const scale = squares > 0 ? BLOCK_WEIGHTS[block]! / Math.sqrt(squares) : 0;
      for (let i = start; i < size; i += 1) values[i] = values[i]! * scale;
    }
    offsets[row + 1] = size;
  }
  return {
    rows: documents.length,
    columns: weighting.hashes.length,
    offsets,
    indices: indices.subarray(0, size),
    values: values.subarray(0, size),
  };
}

/** How much a feature counts that stands `count` times in a text. */
export function termWeight(count: number): number {
  return count === 1 ? 1 : 1 + Math.log(count);
}
