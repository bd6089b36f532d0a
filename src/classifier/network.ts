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
  readonly seed: number;
}

/** Rows between two yields. */
const ROWS_A_STEP = 500;
/** A class whose probability is off by less is left alone. */
const RULED_OUT = 1e-3;
/** What sums of squared gradients start from. */
const FIRST_SQUARES = 1e-6;

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
  /** Units that are on in this step, their values, and their gradients. */
  readonly #active: Int32Array;
  readonly #activeValues: Float32Array;
  readonly #gradient: Float32Array;
  #activeCount = 0;
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
    this.#embeddingSquares = new Float32Array(x.columns).fill(FIRST_SQUARES);
    this.#hiddenBias = new Float32Array(units).fill(0.05);
    this.#hiddenBiasSquares = new Float32Array(units).fill(FIRST_SQUARES);
    this.#output = new Float32Array(classes * units);
    for (let i = 0; i < this.#output.length; i += 1) this.#output[i] = ((random.next() - 0.5) * 2) / Math.sqrt(units);
    this.#outputSquares = new Float32Array(classes).fill(FIRST_SQUARES);
    this.#outputBias = new Float32Array(classes);
    this.#outputBiasSquares = new Float32Array(classes).fill(FIRST_SQUARES);
    this.#hidden = new Float32Array(units);
    this.#active = new Int32Array(units);
    this.#activeValues = new Float32Array(units);
    this.#gradient = new Float32Array(units);
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

  /** Fills the hidden units from the features that this step keeps, and lists those that are on; returns how many features were kept. */
  #forward(row: number): number {
    const { offsets, indices, values } = this.#x;
    const { featureDropout, unitDropout } = this.#options;
    const units = this.#units;
    const hidden = this.#hidden;
    const embedding = this.#embedding;
    const keptAt = this.#kept;
    hidden.set(this.#hiddenBias);
    const scale = 1 / (1 - featureDropout);
    const end = offsets[row + 1]!;
    let kept = 0;
    for (let i = offsets[row]!; i < end; i += 1) {
      if (this.#chance() < featureDropout) continue;
      keptAt[kept] = i;
      kept += 1;
      const value = values[i]! * scale;
      const from = indices[i]! * units;
      for (let u = 0; u < units; u += 1) hidden[u] = hidden[u]! + value * embedding[from + u]!;
    }
    const unitScale = 1 / (1 - unitDropout);
    let active = 0;
    for (let u = 0; u < units; u += 1) {
      if (hidden[u]! <= 0 || this.#chance() < unitDropout) continue;
      this.#active[active] = u;
      this.#activeValues[active] = hidden[u]! * unitScale;
      active += 1;
    }
    this.#activeCount = active;
    return kept;
  }

  /** Fills `#scores` with softmax minus target. */
  #score(gold: number): void {
    const units = this.#units;
    const scores = this.#scores;
    const classes = this.#classes;
    const output = this.#output;
    const active = this.#active;
    const activeValues = this.#activeValues;
    const activeCount = this.#activeCount;
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k += 1) {
      const from = k * units;
      let sum = this.#outputBias[k]!;
      for (let i = 0; i < activeCount; i += 1) sum += activeValues[i]! * output[from + active[i]!]!;
      scores[k] = sum;
      if (sum > highest) highest = sum;
    }
    let total = 0;
    for (let k = 0; k < classes; k += 1) {
      scores[k] = Math.exp(scores[k]! - highest);
      total += scores[k]!;
    }
    const uniform = gold < 0 ? 1 / classes : 0;
    for (let k = 0; k < classes; k += 1) scores[k] = scores[k]! / total - uniform - (k === gold ? 1 : 0);
  }

  #backOutput(rate: number): void {
    const units = this.#units;
    const scores = this.#scores;
    const output = this.#output;
    const active = this.#active;
    const activeValues = this.#activeValues;
    const activeCount = this.#activeCount;
    const gradient = this.#gradient.fill(0);
    let length = 0;
    for (let i = 0; i < activeCount; i += 1) length += activeValues[i]! * activeValues[i]!;
    for (let k = 0; k < scores.length; k += 1) {
      const slope = scores[k]!;
      // A class that is as good as ruled out teaches nothing and takes most of the time.
      if (slope < RULED_OUT && slope > -RULED_OUT) continue;
      const squares = this.#outputSquares[k]! + (slope * slope * length) / units;
      this.#outputSquares[k] = squares;
      this.#outputBiasSquares[k] = this.#outputBiasSquares[k]! + slope * slope;
      const move = (rate * slope) / Math.sqrt(squares);
      const from = k * units;
      for (let i = 0; i < activeCount; i += 1) {
        const at = from + active[i]!;
        const weight = output[at]!;
        gradient[i] = gradient[i]! + slope * weight;
        output[at] = weight - move * activeValues[i]!;
      }
      this.#outputBias[k] = this.#outputBias[k]! - (rate * slope) / Math.sqrt(this.#outputBiasSquares[k]!);
    }
  }

  #backHidden(kept: number, rate: number): void {
    const units = this.#units;
    const { indices, values } = this.#x;
    const gradient = this.#gradient;
    const embedding = this.#embedding;
    const embeddingSquares = this.#embeddingSquares;
    const active = this.#active;
    const activeCount = this.#activeCount;
    const unitScale = 1 / (1 - this.#options.unitDropout);
    let squares = 0;
    for (let i = 0; i < activeCount; i += 1) {
      const unit = active[i]!;
      const slope = gradient[i]! * unitScale;
      gradient[i] = slope;
      squares += slope * slope;
      this.#hiddenBiasSquares[unit] = this.#hiddenBiasSquares[unit]! + slope * slope;
      this.#hiddenBias[unit] = this.#hiddenBias[unit]! - (rate * slope) / Math.sqrt(this.#hiddenBiasSquares[unit]!);
    }
    squares /= units;
    const scale = 1 / (1 - this.#options.featureDropout);
    for (let j = 0; j < kept; j += 1) {
      const at = this.#kept[j]!;
      const feature = indices[at]!;
      const value = values[at]! * scale;
      const sum = embeddingSquares[feature]! + squares * value * value;
      embeddingSquares[feature] = sum;
      const move = (rate * value) / Math.sqrt(sum);
      const from = feature * units;
      for (let i = 0; i < activeCount; i += 1) {
        const to = from + active[i]!;
        embedding[to] = embedding[to]! - move * gradient[i]!;
      }
    }
  }

  network(): Network {
    const units = this.#units;
    // A feature that no row had keeps its random start: nothing is known of it.
    for (let feature = 0; feature < this.#x.columns; feature += 1)
      if (this.#embeddingSquares[feature] === Math.fround(FIRST_SQUARES)) this.#embedding.fill(0, feature * units, (feature + 1) * units);
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
