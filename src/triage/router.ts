import { seededRandom } from '../statistics/index.ts';
import { Encoder, type Encoding, encodeRows, fitEncoding } from './encoding.ts';
import type { CountedTexts } from './feature-counter.ts';
import { dealFolds, groupKeys, without } from './folds.ts';
import { fitTwoHeads, type SparseRows, sigmoid, type TwoHeads } from './logistic.ts';
import type { TriageRow } from './types.ts';

/** Rows with the counted features of their texts. */
export interface TrainingData {
  readonly rows: readonly TriageRow[];
  readonly texts: CountedTexts;
}

/** Two fitted heads with the encoding that they read. */
export interface Router {
  readonly encoding: Encoding;
  readonly weights: TwoHeads;
  /** λ·n of the heads. */
  readonly penalty: number;
}

/** Strengths of the penalty that are tried, strongest first: λ·n, as the best one hardly moves with the number of rows. */
export const PENALTIES = [16, 8, 4, 2, 1] as const;

/** Choosing looks at so many rows at most: more would cost minutes and hardly change the choice. */
const CHOOSING_ROWS = 4_000;
const CHOOSING_FOLDS = 3;

/** Fits the router to the chosen rows; the penalty is chosen by folds inside them, so nothing else is looked at. */
export function fitRouter(data: TrainingData, chosen: readonly number[], seed: number): Router {
  const penalty = choosePenalty(data, chosen, seed);
  const { encoding, encoded } = encode(data, chosen);
  return { encoding, penalty, weights: fitTwoHeads(targetsOf(data, chosen, encoded), penalty / chosen.length) };
}

/** Predicted gains of rows that the router may not have seen. */
export function predictGains(router: Router, data: TrainingData, chosen: readonly number[]): Float64Array {
  return gainsOf(encodeRows(new Encoder(router.encoding), data.texts, data.rows, chosen), router.weights);
}

/** The penalty with the smallest mean squared error of the predicted gain on held-out rows (a proper score of an expectation). */
function choosePenalty(data: TrainingData, chosen: readonly number[], seed: number): number {
  const sample = seededRandom(seed)
    .shuffle(chosen)
    .slice(0, CHOOSING_ROWS)
    .sort((a, b) => a - b);
  const errors = new Float64Array(PENALTIES.length);
  const keys = groupKeys(sample.map((row) => data.rows[row]!));
  for (const fold of dealFolds(keys, CHOOSING_FOLDS, seed)) {
    const train = without(sample.length, fold).map((at) => sample[at]!);
    const test = fold.map((at) => sample[at]!);
    if (train.length === 0) continue;
    const { encoding, encoded } = encode(data, train);
    const targets = targetsOf(data, train, encoded);
    const held = encodeRows(new Encoder(encoding), data.texts, data.rows, test);
    let from: TwoHeads | null = null;
    PENALTIES.forEach((penalty, index) => {
      const weights: TwoHeads = fitTwoHeads(targets, penalty / train.length, from);
      from = weights;
      const gains = gainsOf(held, weights);
      test.forEach((row, at) => {
        errors[index] = errors[index]! + (data.rows[row]!.big - data.rows[row]!.small - gains[at]!) ** 2;
      });
    });
  }
  return PENALTIES[errors.indexOf(Math.min(...errors))]!;
}

function encode(data: TrainingData, chosen: readonly number[]): { encoding: Encoding; encoded: SparseRows } {
  const encoding = fitEncoding(data.texts, data.rows, chosen);
  return { encoding, encoded: encodeRows(new Encoder(encoding), data.texts, data.rows, chosen) };
}

function targetsOf(data: TrainingData, chosen: readonly number[], rows: SparseRows) {
  return {
    rows,
    small: Float64Array.from(chosen, (row) => data.rows[row]!.small),
    big: Float64Array.from(chosen, (row) => data.rows[row]!.big),
  };
}

function gainsOf(rows: SparseRows, weights: TwoHeads): Float64Array {
  const gains = new Float64Array(rows.starts.length - 1);
  const intercept = rows.columns * 2;
  for (let row = 0; row < gains.length; row += 1) {
    let small = weights[intercept]!;
    let big = weights[intercept + 1]!;
    for (let k = rows.starts[row]!; k < rows.starts[row + 1]!; k += 1) {
      small += rows.values[k]! * weights[rows.indices[k]! * 2]!;
      big += rows.values[k]! * weights[rows.indices[k]! * 2 + 1]!;
    }
    gains[row] = sigmoid(big) - sigmoid(small);
  }
  return gains;
}
