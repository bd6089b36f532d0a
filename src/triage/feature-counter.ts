import { BLOCKS, BUCKETS, FeatureScanner, MEASURES } from './feature-scanner.ts';

/** Distinct hashed features of texts with their counts, and the texts' measures. Block b of text t lies from `starts[t · blocks + b]`. */
export interface CountedTexts {
  readonly starts: Int32Array;
  readonly buckets: Int32Array;
  readonly counts: Int32Array;
  /** Text after text. */
  readonly measures: Float64Array;
}

/** Counts the features of one text at a time; its arrays are reused and hold the last text only. */
export class FeatureCounter implements CountedTexts {
  readonly starts = new Int32Array(BLOCKS.length + 1);
  buckets = new Int32Array(1024);
  counts = new Int32Array(1024);
  readonly #scanner = new FeatureScanner();
  /** Where a bucket of the block at hand stands in `buckets`, plus one; 0 when it has not been seen. */
  readonly #places = new Int32Array(BUCKETS);

  get measures(): Float64Array {
    return this.#scanner.measures;
  }

  /** Never throws, whatever the text holds. */
  count(text: string): void {
    this.#scanner.scan(text);
    const found = this.#scanner.buckets;
    const ends = this.#scanner.starts;
    const places = this.#places;
    if (this.buckets.length < found.length) {
      this.buckets = new Int32Array(found.length);
      this.counts = new Int32Array(found.length);
    }
    const { buckets, counts } = this;
    let size = 0;
    for (let block = 0; block < BLOCKS.length; block += 1) {
      const first = size;
      for (let k = ends[block]!; k < ends[block + 1]!; k += 1) {
        const bucket = found[k]!;
        const place = places[bucket]!;
        if (place > 0) counts[place - 1] = counts[place - 1]! + 1;
        else {
          buckets[size] = bucket;
          counts[size] = 1;
          size += 1;
          places[bucket] = size;
        }
      }
      for (let k = first; k < size; k += 1) places[buckets[k]!] = 0;
      this.starts[block + 1] = size;
    }
  }
}

/** Counts the features of many texts, so that folds need not read them again. */
export function countTexts(texts: readonly string[], onText: (done: number) => void = () => {}): CountedTexts {
  const counter = new FeatureCounter();
  const starts = new Int32Array(texts.length * BLOCKS.length + 1);
  const measures = new Float64Array(texts.length * MEASURES.length);
  let buckets = new Int32Array(1 << 16);
  let counts = new Int32Array(1 << 16);
  let size = 0;
  for (let text = 0; text < texts.length; text += 1) {
    counter.count(texts[text]!);
    const more = counter.starts[BLOCKS.length]!;
    if (size + more > buckets.length) {
      buckets = grown(buckets, size + more);
      counts = grown(counts, size + more);
    }
    buckets.set(counter.buckets.subarray(0, more), size);
    counts.set(counter.counts.subarray(0, more), size);
    for (let block = 0; block < BLOCKS.length; block += 1) starts[text * BLOCKS.length + block] = size + counter.starts[block]!;
    size += more;
    measures.set(counter.measures, text * MEASURES.length);
    onText(text + 1);
  }
  starts[texts.length * BLOCKS.length] = size;
  return { starts, buckets, counts, measures };
}

function grown(array: Int32Array, needed: number): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(Math.max(needed, array.length * 2));
  bigger.set(array);
  return bigger;
}
