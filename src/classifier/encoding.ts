import { SmallfirstError } from '../core/index.ts';
import { HashIndex } from '../hashing/index.ts';
import { BLOCKS, FeatureScanner } from './feature-scanner.ts';
import type { StudentInput } from './types.ts';
import { termWeight } from './weighting.ts';

/** How a text becomes a vector: the vocabulary, learnt from the training texts. */
export interface TextEncoding {
  readonly input: 'text';
  /** Hash of each feature of the vocabulary. */
  readonly hashes: Int32Array;
  readonly idf: Float32Array;
  /** Length of each block's vector. */
  readonly blockWeights: readonly number[];
}

/** How an embedding becomes a vector: moved to the training rows' mean and scaled to length 1. */
export interface VectorEncoding {
  readonly input: 'vector';
  readonly mean: Float32Array;
}

/** How a student's input becomes a vector. */
export type Encoding = TextEncoding | VectorEncoding;

/** Columns of the vectors of an encoding. */
export function columnsOf(encoding: Encoding): number {
  return encoding.input === 'text' ? encoding.hashes.length : encoding.mean.length;
}

/** A sparse vector that is used again for the next input. */
export interface EncodedInput {
  readonly indices: Int32Array;
  readonly values: Float32Array;
  readonly size: number;
  /** Share of each block's features that no training text had: 1 for a block without any; 0 for embeddings. */
  readonly novelty: Float64Array;
}

/** Turns inputs into vectors; one at a time, buffers are reused. */
export interface Encoder {
  /** Never throws for a text in a text encoder. Throws INPUT_INVALID for an input of the wrong kind or length. */
  encode(input: StudentInput): EncodedInput;
}

/** An encoder of the right kind. */
export function createEncoder(encoding: Encoding): Encoder {
  return encoding.input === 'text' ? new TextEncoder(encoding) : new VectorEncoder(encoding);
}

class TextEncoder implements Encoder, EncodedInput {
  indices = new Int32Array(512);
  values = new Float32Array(512);
  size = 0;
  readonly novelty = new Float64Array(BLOCKS.length);
  readonly #encoding: TextEncoding;
  readonly #scanner = new FeatureScanner();
  readonly #table: HashIndex;
  /** Times each feature of the vocabulary stands in the current block; all 0 between calls. */
  readonly #counts: Uint16Array;

  constructor(encoding: TextEncoding) {
    this.#encoding = encoding;
    this.#table = new HashIndex(encoding.hashes.length);
    for (const hash of encoding.hashes) this.#table.intern(hash);
    this.#counts = new Uint16Array(encoding.hashes.length);
  }

  encode(input: StudentInput): EncodedInput {
    if (typeof input !== 'string') throw new SmallfirstError('INPUT_INVALID', 'this student reads texts, not embeddings');
    const scanner = this.#scanner;
    scanner.scan(input);
    this.size = 0;
    for (let block = 0; block < BLOCKS.length; block += 1) this.#encodeBlock(block, scanner.starts[block]!, scanner.starts[block + 1]!);
    return this;
  }

  #encodeBlock(block: number, from: number, to: number): void {
    const { hashes } = this.#scanner;
    const { idf, blockWeights } = this.#encoding;
    const counts = this.#counts;
    this.#reserve(this.size + to - from);
    const { indices, values } = this;
    const start = this.size;
    let end = start;
    let occurrences = 0;
    for (let i = from; i < to; i += 1) {
      const feature = this.#table.find(hashes[i]!);
      if (feature < 0) continue;
      occurrences += 1;
      const count = counts[feature]!;
      if (count === 0) {
        indices[end] = feature;
        end += 1;
      }
      if (count < 65_535) counts[feature] = count + 1;
    }
    this.novelty[block] = to > from ? 1 - occurrences / (to - from) : 1;
    let squares = 0;
    for (let i = start; i < end; i += 1) {
      const feature = indices[i]!;
      const value = termWeight(counts[feature]!) * idf[feature]!;
      counts[feature] = 0;
      values[i] = value;
      squares += value * value;
    }
    const norm = squares > 0 ? blockWeights[block]! / Math.sqrt(squares) : 0;
    for (let i = start; i < end; i += 1) values[i] = values[i]! * norm;
    this.size = end;
  }

  #reserve(size: number): void {
    if (this.indices.length >= size) return;
    const indices = new Int32Array(size * 2);
    indices.set(this.indices);
    this.indices = indices;
    const values = new Float32Array(size * 2);
    values.set(this.values);
    this.values = values;
  }
}

class VectorEncoder implements Encoder, EncodedInput {
  readonly indices: Int32Array;
  readonly values: Float32Array;
  readonly size: number;
  readonly novelty = new Float64Array(BLOCKS.length);
  readonly #mean: Float32Array;

  constructor(encoding: VectorEncoding) {
    this.#mean = encoding.mean;
    this.size = encoding.mean.length;
    this.indices = Int32Array.from({ length: this.size }, (_, i) => i);
    this.values = new Float32Array(this.size);
  }

  encode(input: StudentInput): EncodedInput {
    if (typeof input === 'string') throw new SmallfirstError('INPUT_INVALID', 'this student reads embeddings, not texts');
    if (input.length !== this.size)
      throw new SmallfirstError('INPUT_INVALID', `the embedding has ${input.length} numbers; this student was trained on ${this.size}`);
    centre(input, this.#mean, this.values, 0);
    return this;
  }
}

/** Writes (unit(vector) − mean) scaled to length 1 to `into` from `at`; zeros for a vector that is not finite or has no length. */
export function centre(vector: Float32Array, mean: Float32Array, into: Float32Array, at: number): void {
  const length = lengthOf(vector);
  let squares = 0;
  for (let i = 0; i < vector.length; i += 1) {
    const value = length > 0 && Number.isFinite(length) ? vector[i]! / length - mean[i]! : 0;
    into[at + i] = value;
    squares += value * value;
  }
  const norm = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  for (let i = 0; i < vector.length; i += 1) into[at + i] = into[at + i]! * norm;
}

/** Euclidean length. */
export function lengthOf(vector: Float32Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}
