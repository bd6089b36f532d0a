import type { CountedTexts } from './feature-counter.ts';
import { BLOCKS, BUCKETS, MEASURES } from './feature-scanner.ts';
import type { SparseRows } from './logistic.ts';
import type { TriageInput } from './types.ts';

/** How much each kind of feature weighs: the length of its part of a row's vector. Chosen once on public data, the same for everybody. */
const WEIGHT = { blocks: [1, 0.5], measure: 0.3, name: 1 } as const;
/** A hashed feature must occur in so many training texts. */
const LEAST_TEXTS = 3;
/** A measure counts at most so many standard deviations. */
const MOST_DEVIATIONS = 3;

/** Turns counted texts into rows of numbers. Columns: hashed features, then measures, then names of tasks and categories. */
export interface Encoding {
  /** Bucket of each hashed column, ascending. */
  readonly buckets: Int32Array;
  /** Inverse document frequency of each hashed column. */
  readonly idf: Float32Array;
  readonly means: Float64Array;
  /** One over the standard deviation of each measure; 0 for one that never varied: it then says nothing, whatever a later text has. */
  readonly scales: Float64Array;
  readonly names: readonly Name[];
}

/** A task (category null), or a category of a task; task null where rows name none. */
export interface Name {
  readonly task: string | null;
  readonly category: string | null;
}

/** Learns columns, frequencies and scales from the chosen rows. A single task gets no column: it would tell nothing. */
export function fitEncoding(texts: CountedTexts, inputs: readonly TriageInput[], chosen: readonly number[]): Encoding {
  const frequency = new Int32Array(BUCKETS);
  for (const text of chosen) {
    const end = texts.starts[(text + 1) * BLOCKS.length]!;
    for (let k = texts.starts[text * BLOCKS.length]!; k < end; k += 1) frequency[texts.buckets[k]!] = frequency[texts.buckets[k]!]! + 1;
  }
  const buckets: number[] = [];
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) if (frequency[bucket]! >= LEAST_TEXTS) buckets.push(bucket);
  return {
    buckets: Int32Array.from(buckets),
    idf: Float32Array.from(buckets, (bucket) => Math.log((1 + chosen.length) / (1 + frequency[bucket]!)) + IDF_LEAST),
    ...fitMeasures(texts, chosen),
    names: namesOf(chosen.map((row) => inputs[row]!)),
  };
}

/** A word that every text has still counts a little. */
const IDF_LEAST = 0.05;

function fitMeasures(texts: CountedTexts, chosen: readonly number[]): { means: Float64Array; scales: Float64Array } {
  const size = MEASURES.length;
  const means = new Float64Array(size);
  const variances = new Float64Array(size);
  for (const text of chosen) for (let j = 0; j < size; j += 1) means[j] = means[j]! + texts.measures[text * size + j]! / chosen.length;
  for (const text of chosen)
    for (let j = 0; j < size; j += 1) variances[j] = variances[j]! + (texts.measures[text * size + j]! - means[j]!) ** 2 / chosen.length;
  return { means, scales: variances.map((variance) => (variance < 1e-12 ? 0 : 1 / Math.sqrt(variance))) };
}

function namesOf(inputs: readonly TriageInput[]): Name[] {
  const found = new Map<string, Name>();
  for (const { task = null, category = null } of inputs) {
    if (task !== null) found.set(JSON.stringify([task, null]), { task, category: null });
    if (category !== null) found.set(JSON.stringify([task, category]), { task, category });
  }
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, name]) => name);
  const tasks = new Set(inputs.map((input) => input.task ?? null)).size;
  return tasks > 1 ? sorted : sorted.filter((name) => name.category !== null);
}

/** Encodes rows. Holds scratch space: the last encoded row stands in `columns` and `values`, up to `size`. */
export class Encoder {
  columns = new Int32Array(1024);
  values = new Float64Array(1024);
  size = 0;
  readonly #encoding: Encoding;
  readonly #columnOf = new Int32Array(BUCKETS).fill(-1);
  /** Columns of names, by task, then category; '' stands for no category, which no name may be. */
  readonly #names = new Map<string | undefined, Map<string, number>>();

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
    for (let column = 0; column < encoding.buckets.length; column += 1) this.#columnOf[encoding.buckets[column]!] = column;
    encoding.names.forEach(({ task, category }, index) => {
      const ofTask = this.#names.get(task ?? undefined) ?? new Map<string, number>();
      ofTask.set(category ?? '', encoding.buckets.length + MEASURES.length + index);
      this.#names.set(task ?? undefined, ofTask);
    });
  }

  /** How many columns there are. */
  get width(): number {
    return this.#encoding.buckets.length + MEASURES.length + this.#encoding.names.length;
  }

  /** Encodes one counted text with its names. Features, tasks and categories that training did not see are left out. */
  encode(texts: CountedTexts, text: number, input: TriageInput): void {
    const first = text * BLOCKS.length;
    const most = texts.starts[first + BLOCKS.length]! - texts.starts[first]! + MEASURES.length + 2;
    if (this.columns.length < most) {
      this.columns = new Int32Array(most * 2);
      this.values = new Float64Array(most * 2);
    }
    this.size = 0;
    for (let block = 0; block < BLOCKS.length; block += 1)
      this.#encodeBlock(texts, texts.starts[first + block]!, texts.starts[first + block + 1]!, WEIGHT.blocks[block]!);
    const { buckets, means, scales } = this.#encoding;
    for (let j = 0; j < MEASURES.length; j += 1) {
      const scaled = (texts.measures[text * MEASURES.length + j]! - means[j]!) * scales[j]!;
      this.#push(buckets.length + j, WEIGHT.measure * Math.max(-MOST_DEVIATIONS, Math.min(MOST_DEVIATIONS, scaled)));
    }
    const ofTask = this.#names.get(input.task);
    const task = ofTask?.get('');
    if (task !== undefined) this.#push(task, WEIGHT.name);
    const category = input.category === undefined ? undefined : ofTask?.get(input.category);
    if (category !== undefined) this.#push(category, WEIGHT.name);
  }

  /** (1 + log count) · idf, scaled so that the block's part of the vector has the block's length. */
  #encodeBlock(texts: CountedTexts, from: number, to: number, weight: number): void {
    const { idf } = this.#encoding;
    const { buckets, counts } = texts;
    const { columns, values } = this;
    const first = this.size;
    let size = first;
    let squares = 0;
    for (let k = from; k < to; k += 1) {
      const column = this.#columnOf[buckets[k]!]!;
      if (column < 0) continue;
      const count = counts[k]!;
      const value = (count === 1 ? 1 : 1 + Math.log(count)) * idf[column]!;
      squares += value * value;
      columns[size] = column;
      values[size] = value;
      size += 1;
    }
    const scale = squares > 0 ? weight / Math.sqrt(squares) : 0;
    for (let k = first; k < size; k += 1) values[k] = values[k]! * scale;
    this.size = size;
  }

  #push(column: number, value: number): void {
    this.columns[this.size] = column;
    this.values[this.size] = value;
    this.size += 1;
  }
}

/** Encodes the chosen rows for the solver. */
export function encodeRows(encoder: Encoder, texts: CountedTexts, inputs: readonly TriageInput[], chosen: readonly number[]): SparseRows {
  const starts = new Int32Array(chosen.length + 1);
  let indices = new Int32Array(1 << 16);
  let values = new Float32Array(1 << 16);
  let size = 0;
  for (let row = 0; row < chosen.length; row += 1) {
    encoder.encode(texts, chosen[row]!, inputs[chosen[row]!]!);
    if (size + encoder.size > indices.length) {
      const capacity = Math.max(size + encoder.size, indices.length * 2);
      const moreIndices = new Int32Array(capacity);
      moreIndices.set(indices);
      indices = moreIndices;
      const moreValues = new Float32Array(capacity);
      moreValues.set(values);
      values = moreValues;
    }
    indices.set(encoder.columns.subarray(0, encoder.size), size);
    values.set(encoder.values.subarray(0, encoder.size), size);
    size += encoder.size;
    starts[row + 1] = size;
  }
  return { columns: encoder.width, starts, indices: indices.subarray(0, size), values: values.subarray(0, size) };
}
