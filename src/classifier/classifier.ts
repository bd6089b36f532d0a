import { BLOCKS, FeatureScanner } from './feature-scanner.ts';
import { FeatureTable } from './feature-table.ts';
import type { ClassifierModel } from './model.ts';
import type { LabelProbability, Prediction } from './types.ts';
import { termWeight } from './weighting.ts';

/**
 * Predicts labels from texts: synchronous, tens of microseconds, bounded for any text. Buffers are reused between calls,
 * so one classifier serves one thread.
 */
export class Classifier {
  readonly model: ClassifierModel;
  readonly #scanner = new FeatureScanner();
  readonly #table: FeatureTable;
  /** Times each feature of the vocabulary stands in the current block; all 0 between calls. */
  readonly #counts: Uint16Array;
  readonly #margins: Float64Array;
  #touched = new Int32Array(512);

  constructor(model: ClassifierModel) {
    this.model = model;
    this.#table = new FeatureTable(model.hashes.length);
    for (const hash of model.hashes) this.#table.intern(hash);
    this.#counts = new Uint16Array(model.hashes.length);
    this.#margins = new Float64Array(model.labels.length);
  }

  get labels(): readonly string[] {
    return this.model.labels;
  }

  /** The best label of a text. Never throws; an empty text, or one with nothing known in it, gets the prior's best label. */
  predict(text: string): Prediction {
    this.#computeMargins(text);
    const margins = this.#margins;
    let best = 0;
    let second = Number.NEGATIVE_INFINITY;
    for (let k = 1; k < margins.length; k += 1) {
      if (margins[k]! > margins[best]!) {
        second = margins[best]!;
        best = k;
      } else if (margins[k]! > second) second = margins[k]!;
    }
    const margin = margins[best]! - second;
    return { label: this.model.labels[best]!, probability: this.#probability(best), margin };
  }

  /** The `count` most probable labels, most probable first; all labels' probabilities sum to 1. */
  rank(text: string, count: number): LabelProbability[] {
    this.#computeMargins(text);
    const ranked = Array.from(this.model.labels, (label, k) => ({ label, k })).sort((a, b) => this.#margins[b.k]! - this.#margins[a.k]!);
    return ranked.slice(0, count).map(({ label, k }) => ({ label, probability: this.#probability(k) }));
  }

  #probability(k: number): number {
    return softmaxAt(this.#margins, 0, this.#margins.length, k, this.model.temperature);
  }

  /** Decision value of every class: bias plus weights · features, block by block. */
  #computeMargins(text: string): void {
    const { biases, blockWeights } = this.model;
    const scanner = this.#scanner;
    scanner.scan(text);
    this.#margins.set(biases);
    for (let block = 0; block < BLOCKS.length; block += 1) {
      const known = this.#countKnown(scanner.starts[block]!, scanner.starts[block + 1]!);
      this.#addBlock(known, blockWeights[block]!);
    }
  }

  /** Counts the known features among hashes [from, to) and lists each once in `#touched`; returns how many. */
  #countKnown(from: number, to: number): number {
    const { hashes } = this.#scanner;
    const counts = this.#counts;
    if (this.#touched.length < to - from) this.#touched = new Int32Array((to - from) * 2);
    let known = 0;
    for (let i = from; i < to; i += 1) {
      const feature = this.#table.find(hashes[i]!);
      if (feature < 0) continue;
      const count = counts[feature]!;
      if (count === 0) {
        this.#touched[known] = feature;
        known += 1;
      }
      if (count < 65_535) counts[feature] = count + 1;
    }
    return known;
  }

  #addBlock(known: number, blockWeight: number): void {
    const { idf, scales, weights } = this.model;
    const counts = this.#counts;
    const touched = this.#touched;
    const margins = this.#margins;
    const classes = margins.length;
    let squares = 0;
    for (let i = 0; i < known; i += 1) {
      const value = termWeight(counts[touched[i]!]!) * idf[touched[i]!]!;
      squares += value * value;
    }
    const norm = squares > 0 ? blockWeight / Math.sqrt(squares) : 0;
    for (let i = 0; i < known; i += 1) {
      const feature = touched[i]!;
      const value = termWeight(counts[feature]!) * idf[feature]! * norm * scales[feature]!;
      counts[feature] = 0;
      const row = feature * classes;
      for (let k = 0; k < classes; k += 1) margins[k] = margins[k]! + value * weights[row + k]!;
    }
  }
}

/** One entry of softmax(values / temperature), over `count` values from `from`; `k` counts from `from`. */
export function softmaxAt(values: Float64Array | Float32Array, from: number, count: number, k: number, temperature: number): number {
  const own = values[from + k]!;
  let sum = 0;
  for (let i = from; i < from + count; i += 1) sum += Math.exp((values[i]! - own) / temperature);
  // A sum that overflows means that another class is certain.
  return 1 / sum;
}
