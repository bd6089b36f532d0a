import { seededRandom } from '../statistics/index.ts';
import { type LinearHead, quantise } from './linear-head.ts';
import type { SparseRows } from './weighting.ts';

/** A network of one hidden layer over a text's weighted features (a deep averaging network, Iyyer et al. 2015), weights of 8 bits. */
export interface Network {
  /** From features to hidden units. */
  readonly hidden: LinearHead;
  /** From hidden units to classes. */
  readonly output: LinearHead;
}

/** How to train a network. */
export interface NetworkOptions {
  readonly units: number;
  readonly epochs: number;
  readonly learningRate: number;
  /** Share of a text's features that a training step does not see. */
  readonly featureDropout: number;
  readonly unitDropout: number;
  /** Share of the target that goes to all classes alike. */
  readonly smoothing: number;
  readonly seed: number;
}

/** Rows between two yields. */
const ROWS_A_STEP = 500;

/**
 * Trains a network on rows and their classes (−1: none of them, the target is uniform), by stochastic gradient descent with one AdaGrad
 * rate per feature and a rate that falls to 0. Deterministic for a seed. Yields the share that is done.
 */
export function* trainNetwork(x: SparseRows, gold: Int32Array, classes: number, options: NetworkOptions): Generator<number, Network> {
  const trainer = new NetworkTrainer(x, classes, options);
  const random = seededRandom(options.seed);
  const order = Int32Array.from({ length: x.rows }, (_, row) => row);
  const total = x.rows * options.epochs;
  let done = 0;
  for (let epoch = 0; epoch < options.epochs; epoch += 1) {
    for (let i = x.rows - 1; i > 0; i -= 1) {
      const j = random.int(i + 1);
      const held = order[i]!;
      order[i] = order[j]!;
      order[j] = held;
    }
    for (const row of order) {
      trainer.step(row, gold[row]!, options.learningRate * (1 - done / total));
      done += 1;
      if (done % ROWS_A_STEP === 0) yield done / total;
    }
  }
  return trainer.network();
}

class NetworkTrainer {
  readonly #x: SparseRows;
  readonly #options: NetworkOptions;
  readonly #classes: number;
  readonly #units: number;
  readonly #embedding: Float32Array;
  readonly #embeddingSquares: Float32Array;
  readonly #hiddenBias: Float32Array;
  readonly #hiddenBiasSquares: Float32Array;
  /** Class by class. */
  readonly #output: Float32Array;
  readonly #outputSquares: Float32Array;
  readonly #outputBias: Float32Array;
  readonly #outputBiasSquares: Float32Array;
  readonly #hidden: Float32Array;
  readonly #hiddenGradient: Float32Array;
  readonly #scores: Float64Array;
  readonly #kept: Int32Array;
  #bits: number;

  constructor(x: SparseRows, classes: number, options: NetworkOptions) {
    const { units } = options;
    const random = seededRandom(options.seed ^ 0x5eed);
    this.#x = x;
    this.#options = options;
    this.#classes = classes;
    this.#units = units;
    this.#embedding = new Float32Array(x.columns * units);
    for (let i = 0; i < this.#embedding.length; i += 1) this.#embedding[i] = (random.next() - 0.5) * 0.2;
    this.#embeddingSquares = new Float32Array(x.columns).fill(1e-6);
    this.#hiddenBias = new Float32Array(units).fill(0.05);
    this.#hiddenBiasSquares = new Float32Array(units).fill(1e-6);
    this.#output = new Float32Array(classes * units);
    for (let i = 0; i < this.#output.length; i += 1) this.#output[i] = ((random.next() - 0.5) * 2) / Math.sqrt(units);
    this.#outputSquares = new Float32Array(classes).fill(1e-6);
    this.#outputBias = new Float32Array(classes);
    this.#outputBiasSquares = new Float32Array(classes).fill(1e-6);
    this.#hidden = new Float32Array(units);
    this.#hiddenGradient = new Float32Array(units);
    this.#scores = new Float64Array(classes);
    this.#kept = new Int32Array(longestRow(x));
    this.#bits = (options.seed | 1) >>> 0;
  }

  /** One gradient step on one row. */
  step(row: number, gold: number, rate: number): void {
    const kept = this.#forward(row);
    this.#score(gold);
    this.#backOutput(rate);
    this.#backHidden(kept, rate);
  }

  /** Fills the hidden units from the features that this step keeps; returns how many those are. */
  #forward(row: number): number {
    const { offsets, indices, values } = this.#x;
    const { featureDropout, unitDropout } = this.#options;
    const units = this.#units;
    const hidden = this.#hidden;
    hidden.set(this.#hiddenBias);
    const scale = 1 / (1 - featureDropout);
    let kept = 0;
    for (let i = offsets[row]!; i < offsets[row + 1]!; i += 1) {
      if (this.#chance() < featureDropout) continue;
      this.#kept[kept] = i;
      kept += 1;
      const value = values[i]! * scale;
      const from = indices[i]! * units;
      for (let u = 0; u < units; u += 1) hidden[u] = hidden[u]! + value * this.#embedding[from + u]!;
    }
    const unitScale = 1 / (1 - unitDropout);
    for (let u = 0; u < units; u += 1) hidden[u] = hidden[u]! > 0 && this.#chance() >= unitDropout ? hidden[u]! * unitScale : 0;
    return kept;
  }

  /** Fills `#scores` with softmax minus target. */
  #score(gold: number): void {
    const units = this.#units;
    const scores = this.#scores;
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < this.#classes; k += 1) {
      let sum = this.#outputBias[k]!;
      for (let u = 0; u < units; u += 1) sum += this.#hidden[u]! * this.#output[k * units + u]!;
      scores[k] = sum;
      if (sum > highest) highest = sum;
    }
    let total = 0;
    for (let k = 0; k < this.#classes; k += 1) {
      scores[k] = Math.exp(scores[k]! - highest);
      total += scores[k]!;
    }
    const spread = gold < 0 ? 1 : this.#options.smoothing;
    for (let k = 0; k < this.#classes; k += 1) scores[k] = scores[k]! / total - spread / this.#classes - (k === gold ? 1 - spread : 0);
  }

  #backOutput(rate: number): void {
    const units = this.#units;
    const gradient = this.#hiddenGradient.fill(0);
    let length = 0;
    for (let u = 0; u < units; u += 1) length += this.#hidden[u]! * this.#hidden[u]!;
    for (let k = 0; k < this.#classes; k += 1) {
      const slope = this.#scores[k]!;
      // A class that is as good as ruled out teaches nothing and takes most of the time.
      if (slope < 1e-4 && slope > -1e-4) continue;
      this.#outputSquares[k] = this.#outputSquares[k]! + (slope * slope * length) / units;
      this.#outputBiasSquares[k] = this.#outputBiasSquares[k]! + slope * slope;
      const move = (rate * slope) / Math.sqrt(this.#outputSquares[k]!);
      const from = k * units;
      for (let u = 0; u < units; u += 1) {
        const weight = this.#output[from + u]!;
        gradient[u] = gradient[u]! + slope * weight;
        this.#output[from + u] = weight - move * this.#hidden[u]!;
      }
      this.#outputBias[k] = this.#outputBias[k]! - (rate * slope) / Math.sqrt(this.#outputBiasSquares[k]!);
    }
  }

  #backHidden(kept: number, rate: number): void {
    const units = this.#units;
    const gradient = this.#hiddenGradient;
    const unitScale = 1 / (1 - this.#options.unitDropout);
    let squares = 0;
    for (let u = 0; u < units; u += 1) {
      const slope = this.#hidden[u]! > 0 ? gradient[u]! * unitScale : 0;
      gradient[u] = slope;
      if (slope === 0) continue;
      squares += slope * slope;
      this.#hiddenBiasSquares[u] = this.#hiddenBiasSquares[u]! + slope * slope;
      this.#hiddenBias[u] = this.#hiddenBias[u]! - (rate * slope) / Math.sqrt(this.#hiddenBiasSquares[u]!);
    }
    squares /= units;
    const scale = 1 / (1 - this.#options.featureDropout);
    for (let i = 0; i < kept; i += 1) {
      const at = this.#kept[i]!;
      const feature = this.#x.indices[at]!;
      const value = this.#x.values[at]! * scale;
      this.#embeddingSquares[feature] = this.#embeddingSquares[feature]! + squares * value * value;
      const move = (rate * value) / Math.sqrt(this.#embeddingSquares[feature]!);
      const from = feature * units;
      for (let u = 0; u < units; u += 1) this.#embedding[from + u] = this.#embedding[from + u]! - move * gradient[u]!;
    }
  }

  network(): Network {
    const units = this.#units;
    const byUnit = new Float32Array(units * this.#classes);
    for (let k = 0; k < this.#classes; k += 1)
      for (let u = 0; u < units; u += 1) byUnit[u * this.#classes + k] = this.#output[k * units + u]!;
    return { hidden: quantise(this.#embedding, this.#hiddenBias), output: quantise(byUnit, this.#outputBias) };
  }

  /** 0 ≤ x < 1 by xorshift (Marsaglia 2003): dropout needs many draws and no more than that. */
  #chance(): number {
    let bits = this.#bits;
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    this.#bits = bits;
    return (bits >>> 0) / 4_294_967_296;
  }
}

function longestRow(x: SparseRows): number {
  let longest = 0;
  for (let row = 0; row < x.rows; row += 1) longest = Math.max(longest, x.offsets[row + 1]! - x.offsets[row]!);
  return longest;
}
