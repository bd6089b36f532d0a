import { seededRandom } from '../statistics/index.ts';
import { Encoder, type Encoding, fitEncoding } from './encoding.ts';
import { type CountedTexts, countTexts, FeatureCounter } from './feature-counter.ts';
import { dealFolds, without } from './folds.ts';
import { fitSignals, type GateSignal, signalColumns, writeSignals } from './gate-signals.ts';
import { fitTwoHeads, type SparseRows, sigmoid, type TwoHeads } from './logistic.ts';
import { PENALTIES } from './router.ts';

/** What a gate reads after the small model has answered: the answer's signals and the request's text. */
export interface GateInput {
  readonly signals: Readonly<Record<string, number>>;
  /** The request's text, as it was kept when the gate was trained (redacted, where texts are); null where it was not. */
  readonly text: string | null;
}

/** An answered request that a gate learns from. */
export interface GateRow extends GateInput {
  /** 0…1, of both answers. */
  readonly small: number;
  readonly big: number;
  /** Rows of one group (conversation, customer, repeated request) stay in one fold. */
  readonly group: string;
}

/** All that a gate needs to score an answer. */
export interface GateModel {
  /** True when every row that it learned from had a text: then it may only score answers to requests that have one. */
  readonly readsText: boolean;
  readonly signals: readonly GateSignal[];
  readonly encoding: Encoding;
  /** Column by column, small's weight then big's: hashed text and measures, then signals; the intercepts come last. */
  readonly weights: Float32Array;
  /** λ·n of the heads. */
  readonly penalty: number;
}

/** Columns of hashed text at most, the commonest: a gate travels in a file that people review. */
const MOST_BUCKETS = 2_048;
/** One row in so many is held out to choose the penalty. */
const HELD_OUT = 4;

/**
 * A classifier over signals, text length and hashed n-grams that says how likely accepting an answer does no harm. Two logistic
 * heads, P(small right) and P(big right), are fitted; their difference is the score, because it is harm that escalation can undo.
 */
export class Gate {
  readonly model: GateModel;
  readonly #counter = new FeatureCounter();
  readonly #encoder: Encoder;
  readonly #extra: Float64Array;

  constructor(model: GateModel) {
    this.model = model;
    this.#encoder = new Encoder(model.encoding);
    this.#extra = new Float64Array(signalColumns(model.signals));
  }

  /** (1 + P(small right) − P(big right)) / 2, in 0…1: higher is safer. Never throws; keeps scratch space, so one call at a time. */
  score(input: GateInput): number {
    const { weights, signals, readsText } = this.model;
    this.#counter.count((readsText ? input.text : null) ?? '');
    this.#encoder.encode(this.#counter, 0, { text: '' });
    writeSignals(signals, input.signals, this.#extra);
    const { columns, values, size, width } = this.#encoder;
    const intercept = (width + this.#extra.length) * 2;
    let small = weights[intercept]!;
    let big = weights[intercept + 1]!;
    const add = (column: number, value: number): void => {
      small += value * weights[column * 2]!;
      big += value * weights[column * 2 + 1]!;
    };
    for (let k = 0; k < size; k += 1) add(columns[k]!, values[k]!);
    for (let k = 0; k < this.#extra.length; k += 1) add(width + k, this.#extra[k]!);
    return scoreOf(small, big);
  }
}

/** A fitted gate, and for each row the score of a gate that had seen neither the row nor its group. */
export interface TrainedGate {
  readonly model: GateModel;
  readonly heldOut: Float64Array;
}

/** Fits a gate to all rows and cross-validates it by groups. Deterministic. Needs two groups per fold at least. */
export function trainGate(rows: readonly GateRow[], options: { readonly folds: number; readonly seed: number }): TrainedGate {
  const readsText = rows.every(({ text }) => text !== null);
  // Some texts and some blanks would teach it that a blank means something.
  const data: GateData = { rows, readsText, texts: countTexts(rows.map(({ text }) => (readsText ? text! : ''))) };
  const all = rows.map((_, row) => row);
  const heldOut = new Float64Array(rows.length);
  const folds = dealFolds(
    rows.map(({ group }) => group),
    options.folds,
    options.seed,
  );
  folds.forEach((fold, index) => {
    const model = fitGate(data, without(rows.length, fold), options.seed + 1 + index);
    const scores = scoresOf(model, data, fold);
    fold.forEach((row, at) => {
      heldOut[row] = scores[at]!;
    });
  });
  return { model: fitGate(data, all, options.seed), heldOut };
}

interface GateData {
  readonly readsText: boolean;
  readonly rows: readonly GateRow[];
  readonly texts: CountedTexts;
}

function fitGate(data: GateData, chosen: readonly number[], seed: number): GateModel {
  const penalty = choosePenalty(data, chosen, seed);
  const { signals, encoding } = fitColumns(data, chosen);
  const weights = fitTwoHeads(targets(data, chosen, encode(data, chosen, { signals, encoding })), penalty / chosen.length);
  return { readsText: data.readsText, signals, encoding, weights: Float32Array.from(weights), penalty };
}

/** The penalty whose predicted gain is nearest to the real one on rows held out of the chosen, a proper score of an expectation. */
function choosePenalty(data: GateData, chosen: readonly number[], seed: number): number {
  const order = seededRandom(seed).shuffle([...new Set(chosen.map((row) => data.rows[row]!.group))]);
  const outside = new Set(order.slice(0, Math.ceil(order.length / HELD_OUT)));
  const inner = chosen.filter((row) => !outside.has(data.rows[row]!.group));
  const held = chosen.filter((row) => outside.has(data.rows[row]!.group));
  if (inner.length === 0 || held.length === 0) return PENALTIES[0];
  const columns = fitColumns(data, inner);
  const learned = targets(data, inner, encode(data, inner, columns));
  let best: { readonly penalty: number; readonly error: number } = { penalty: PENALTIES[0], error: Number.POSITIVE_INFINITY };
  let from: TwoHeads | null = null;
  for (const penalty of PENALTIES) {
    const weights: TwoHeads = fitTwoHeads(learned, penalty / inner.length, from);
    from = weights;
    const scores = scoresOf({ ...columns, readsText: data.readsText, weights: Float32Array.from(weights), penalty }, data, held);
    let error = 0;
    held.forEach((row, at) => {
      const { small, big } = data.rows[row]!;
      error += (scores[at]! - (1 + small - big) / 2) ** 2;
    });
    if (error < best.error) best = { penalty, error };
  }
  return best.penalty;
}

type Columns = Pick<GateModel, 'signals' | 'encoding'>;

function fitColumns(data: GateData, chosen: readonly number[]): Columns {
  const inputs = data.rows.map(() => ({ text: '' }));
  const encoding = fitEncoding(data.texts, inputs, chosen);
  const signals = fitSignals(chosen.map((row) => data.rows[row]!.signals));
  return { signals, encoding: commonest(encoding) };
}

/** The columns of most texts (the least inverse document frequency): chosen without a look at any quality. */
function commonest(encoding: Encoding): Encoding {
  if (encoding.buckets.length <= MOST_BUCKETS) return encoding;
  const order = Array.from(encoding.buckets.keys()).sort((a, b) => encoding.idf[a]! - encoding.idf[b]! || a - b);
  const kept = order.slice(0, MOST_BUCKETS).sort((a, b) => a - b);
  return {
    ...encoding,
    buckets: Int32Array.from(kept, (at) => encoding.buckets[at]!),
    idf: Float32Array.from(kept, (at) => encoding.idf[at]!),
  };
}

function encode(data: GateData, chosen: readonly number[], { signals, encoding }: Columns): SparseRows {
  const encoder = new Encoder(encoding);
  const extra = new Float64Array(signalColumns(signals));
  const starts = new Int32Array(chosen.length + 1);
  const indices: number[] = [];
  const values: number[] = [];
  chosen.forEach((row, at) => {
    encoder.encode(data.texts, row, { text: '' });
    for (let k = 0; k < encoder.size; k += 1) {
      indices.push(encoder.columns[k]!);
      values.push(encoder.values[k]!);
    }
    writeSignals(signals, data.rows[row]!.signals, extra);
    for (let k = 0; k < extra.length; k += 1) {
      if (extra[k] === 0) continue;
      indices.push(encoder.width + k);
      values.push(extra[k]!);
    }
    starts[at + 1] = indices.length;
  });
  return { columns: encoder.width + extra.length, starts, indices: Int32Array.from(indices), values: Float32Array.from(values) };
}

function targets(data: GateData, chosen: readonly number[], rows: SparseRows) {
  return {
    rows,
    small: Float64Array.from(chosen, (row) => data.rows[row]!.small),
    big: Float64Array.from(chosen, (row) => data.rows[row]!.big),
  };
}

function scoresOf(model: GateModel, data: GateData, chosen: readonly number[]): Float64Array {
  const gate = new Gate(model);
  return Float64Array.from(chosen, (row) => gate.score(data.rows[row]!));
}

function scoreOf(small: number, big: number): number {
  return (1 + sigmoid(small) - sigmoid(big)) / 2;
}
