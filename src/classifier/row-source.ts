import { SmallfirstError } from '../core/index.ts';
import { buildCorpus, type Corpus } from './corpus.ts';
import { centre, type Encoding, lengthOf, type VectorEncoding } from './encoding.ts';
import { BLOCKS } from './feature-scanner.ts';
import { BLOCK_WEIGHTS, fitWeighting, type SparseRows, type Weighting, weighRows } from './weighting.ts';

const B = BLOCKS.length;

/** Rows as vectors of an encoding that was learnt from the training rows only. */
export interface EncodedRows {
  readonly encoding: Encoding;
  readonly training: SparseRows;
  readonly others: SparseRows;
  /** Block of each column; null for embeddings, which have none. */
  readonly blockOf: Uint8Array | null;
  /** For each of the other rows, per block: share of its features that no training row has. */
  readonly novelty: Float64Array;
  /** The same with the features that only training rows of the row's own class have counted as unseen too: as if the class were not known. */
  readonly noveltyWithoutClass: Float64Array;
}

/** Where the rows of a training come from. */
export interface RowSource {
  readonly rows: number;
  /** What tells rows of the same content, which must stay in one fold. */
  readonly keys: readonly string[];
  /** Learns an encoding from `training` and encodes both; `classOf` (of all rows; −1 for none) serves `noveltyWithoutClass`. */
  encode(training: Int32Array, others: Int32Array, classOf: Int32Array): EncodedRows;
}

/**
 * From so many rows on, models of two thirds of them are close enough to the whole for calibration, in half the time; and features
 * that stand in one row only are dropped, which halves the file. Below, they are worth 0.2 to 1.4 points (50 to 5 rows a class).
 */
export const LARGE_SET = 5000;

/** Rows that are texts. */
export class TextSource implements RowSource {
  readonly rows: number;
  readonly keys: readonly string[];
  readonly #corpus: Corpus;
  readonly #minDocuments: number;

  constructor(texts: readonly string[], onProgress?: (done: number) => void) {
    this.rows = texts.length;
    this.keys = texts;
    this.#corpus = buildCorpus(texts, onProgress);
    this.#minDocuments = texts.length < LARGE_SET ? 1 : 2;
  }

  encode(training: Int32Array, others: Int32Array, classOf: Int32Array): EncodedRows {
    const corpus = this.#corpus;
    const weighting = fitWeighting(corpus, training, this.#minDocuments);
    const { hashes, idf } = weighting;
    return {
      encoding: { input: 'text', hashes, idf, blockWeights: BLOCK_WEIGHTS },
      training: weighRows(corpus, training, weighting),
      others: weighRows(corpus, others, weighting),
      blockOf: blocksOf(corpus, weighting),
      novelty: noveltyOf(corpus, others, weighting, null),
      noveltyWithoutClass: noveltyOf(corpus, others, weighting, { classOf, owner: ownersOf(corpus, training, weighting, classOf) }),
    };
  }
}

function blocksOf(corpus: Corpus, { index, hashes }: Weighting): Uint8Array {
  const blocks = new Uint8Array(hashes.length);
  index.forEach((kept, feature) => {
    if (kept >= 0) blocks[kept] = corpus.blocks[feature]!;
  });
  return blocks;
}

/** A feature of several classes. */
const SHARED = -2;

/** The one class whose training rows have the feature, or SHARED. */
function ownersOf(corpus: Corpus, training: Int32Array, weighting: Weighting, classOf: Int32Array): Int32Array {
  const owner = new Int32Array(weighting.hashes.length).fill(-3);
  for (const document of training) {
    const own = classOf[document]!;
    for (let i = corpus.offsets[document * B]!; i < corpus.offsets[(document + 1) * B]!; i += 1) {
      const feature = weighting.index[corpus.features[i]!]!;
      if (feature < 0) continue;
      if (owner[feature] === -3) owner[feature] = own;
      else if (owner[feature] !== own) owner[feature] = SHARED;
    }
  }
  return owner;
}

function noveltyOf(
  corpus: Corpus,
  documents: Int32Array,
  weighting: Weighting,
  without: { readonly classOf: Int32Array; readonly owner: Int32Array } | null,
): Float64Array {
  const novelty = new Float64Array(documents.length * B);
  for (let row = 0; row < documents.length; row += 1) {
    const document = documents[row]!;
    const own = without ? without.classOf[document]! : -1;
    for (let block = 0; block < B; block += 1) {
      const bag = document * B + block;
      let all = 0;
      let known = 0;
      for (let i = corpus.offsets[bag]!; i < corpus.offsets[bag + 1]!; i += 1) {
        const feature = weighting.index[corpus.features[i]!]!;
        all += corpus.counts[i]!;
        if (feature >= 0 && !(without && own >= 0 && without.owner[feature] === own)) known += corpus.counts[i]!;
      }
      novelty[row * B + block] = all > 0 ? 1 - known / all : 1;
    }
  }
  return novelty;
}

/** Rows that are embeddings. */
export class VectorSource implements RowSource {
  readonly rows: number;
  readonly keys: readonly string[];
  readonly #vectors: readonly Float32Array[];
  readonly #dimensions: number;

  /** Throws INPUT_INVALID when the vectors differ in length, are empty, or hold a number that is not finite. */
  constructor(vectors: readonly Float32Array[]) {
    this.rows = vectors.length;
    this.#vectors = vectors;
    this.#dimensions = vectors[0]?.length ?? 0;
    vectors.forEach((vector, row) => {
      if (vector.length !== this.#dimensions || vector.length === 0)
        throw new SmallfirstError('INPUT_INVALID', `embedding ${row + 1} has ${vector.length} numbers, the first has ${this.#dimensions}`);
      if (!vector.every(Number.isFinite))
        throw new SmallfirstError('INPUT_INVALID', `embedding ${row + 1} holds a number that is not finite`);
    });
    this.keys = vectors.map((vector) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('latin1'));
  }

  encode(training: Int32Array, others: Int32Array): EncodedRows {
    const mean = new Float32Array(this.#dimensions);
    for (const row of training) {
      const vector = this.#vectors[row]!;
      const length = lengthOf(vector) || 1;
      for (let i = 0; i < mean.length; i += 1) mean[i] = mean[i]! + vector[i]! / length / training.length;
    }
    const encoding: VectorEncoding = { input: 'vector', mean };
    const novelty = new Float64Array(others.length * B);
    return {
      encoding,
      training: this.#rows(training, mean),
      others: this.#rows(others, mean),
      blockOf: null,
      novelty,
      noveltyWithoutClass: novelty,
    };
  }

  #rows(rows: Int32Array, mean: Float32Array): SparseRows {
    const columns = this.#dimensions;
    const indices = new Int32Array(rows.length * columns);
    const values = new Float32Array(rows.length * columns);
    for (let i = 0; i < rows.length; i += 1) {
      centre(this.#vectors[rows[i]!]!, mean, values, i * columns);
      for (let j = 0; j < columns; j += 1) indices[i * columns + j] = j;
    }
    return { rows: rows.length, columns, offsets: Int32Array.from({ length: rows.length + 1 }, (_, i) => i * columns), indices, values };
  }
}
