import { createEncoder, type Encoder, type Encoding } from './encoding.ts';
import { explainDifference } from './explanation.ts';
import { BLOCKS } from './feature-scanner.ts';
import { decide, type LinearHead } from './linear-head.ts';
import { type Logistic, logOdds, sigmoid } from './logistic.ts';
import { type Certain, certaintyOf } from './scope.ts';
import type { Explanation, ScorePrediction, StudentInput } from './types.ts';

/** How decision values become a number on a scale of a few steps. */
export interface OrdinalScale {
  /** The values that there are, rising. */
  readonly levels: readonly number[];
  /** Log-odds of "above level j" from decision value j; one fewer than levels. */
  readonly calibrations: readonly Logistic[];
}

/** How a decision value becomes a real number, and how likely it is near enough. */
export interface RealScale {
  /** value = mean + deviation × decision value. */
  readonly mean: number;
  readonly deviation: number;
  /** Log-odds of |error| ≤ tolerance, from the decision value, its square and the novelty of each block. */
  readonly accuracy: Logistic;
}

/** Numbers that `RealScale.accuracy` reads. */
export const ACCURACY_COLUMNS = 2 + BLOCKS.length;

/** Everything a trained scorer is. */
export interface ScorerModel {
  readonly encoding: Encoding;
  readonly linear: LinearHead;
  readonly ordinal: OrdinalScale | null;
  /** Exactly one of the two scales is there. */
  readonly real: RealScale | null;
  /** Range of the training rows; no answer lies outside. */
  readonly minimum: number;
  readonly maximum: number;
  /** An answer counts as right when its error is at most this. */
  readonly tolerance: number;
  readonly certain: Certain;
}

/** A number, and P(|error| ≤ tolerance) before scope is looked at. */
export interface Score {
  readonly value: number;
  readonly probability: number;
  /** What scope reads beside the probability: how far the answer is from the middle of nowhere. */
  readonly decision: number;
}

/** The scale parts of a model. */
export type Scale = Pick<ScorerModel, 'ordinal' | 'real' | 'minimum' | 'maximum' | 'tolerance'>;

/** Reads decision values from `at`, and novelty from `noveltyAt`. */
export function scoreFrom(decisions: ArrayLike<number>, at: number, scale: Scale, novelty: ArrayLike<number>, noveltyAt: number): Score {
  if (scale.ordinal) return ordinalScore(decisions, at, scale.ordinal, scale.tolerance);
  const { mean, deviation, accuracy } = scale.real!;
  const decision = decisions[at]!;
  const columns = accuracyColumns(decision, novelty, noveltyAt);
  return { value: clip(mean + deviation * decision, scale), probability: sigmoid(logOdds(accuracy, columns)), decision: 0 };
}

/** The columns of `RealScale.accuracy`. */
export function accuracyColumns(decision: number, novelty: ArrayLike<number>, at: number): number[] {
  return [decision, decision * decision, ...Array.from({ length: BLOCKS.length }, (_, block) => novelty[at + block]!)];
}

/** Within the range of the training rows. */
export function clip(value: number, { minimum, maximum }: Pick<ScorerModel, 'minimum' | 'maximum'>): number {
  return Math.max(minimum, Math.min(maximum, value));
}

/** The median level, which has the least expected error, and the probability of the levels within the tolerance of it. */
function ordinalScore(decisions: ArrayLike<number>, at: number, { levels, calibrations }: OrdinalScale, tolerance: number): Score {
  // P(value > level j), made to fall as j rises (Frank and Hall 2001 train each on its own).
  const above: number[] = [];
  let least = 1;
  let decision = 0;
  for (let j = 0; j < calibrations.length; j += 1) {
    const { weights, bias } = calibrations[j]!;
    least = Math.min(least, sigmoid(bias + weights[0]! * decisions[at + j]!));
    above.push(least);
    decision = Math.max(decision, Math.abs(decisions[at + j]!));
  }
  const median = above.filter((p) => p > 0.5).length;
  const value = levels[median]!;
  let probability = 0;
  for (let level = 0; level < levels.length; level += 1) {
    const share = (level === 0 ? 1 : above[level - 1]!) - (above[level] ?? 0);
    if (Math.abs(levels[level]! - value) <= tolerance) probability += share;
  }
  return { value, probability, decision };
}

/** Predicts numbers: synchronous, bounded for any text. Buffers are reused between calls, so one scorer serves one thread. */
export class Scorer {
  readonly model: ScorerModel;
  readonly #encoder: Encoder;
  readonly #decisions: Float64Array;

  constructor(model: ScorerModel) {
    this.model = model;
    this.#encoder = createEncoder(model.encoding);
    this.#decisions = new Float64Array(model.linear.biases.length);
  }

  /** The number of an input; confidence is P(in scope and |error| ≤ the model's tolerance). Throws INPUT_INVALID as Classifier.predict does. */
  predict(input: StudentInput): ScorePrediction {
    const row = this.#encoder.encode(input);
    decide(this.model.linear, row, this.#decisions);
    const score = scoreFrom(this.#decisions, 0, this.model, row.novelty, 0);
    return { value: score.value, ...certaintyOf(this.model.certain, score, row.novelty) };
  }

  /** What raised and what lowered the number; of an ordinal scorer, in decision values summed over its levels. */
  explain(input: StudentInput, count = 8): Explanation {
    const { linear, real, encoding } = this.model;
    const { value } = this.predict(input);
    const row = this.#encoder.encode(input);
    const outputs = linear.biases.length;
    const unit = real ? real.deviation : 1;
    const features = explainDifference(input, encoding, row, count, (feature) => {
      let sum = 0;
      for (let k = 0; k < outputs; k += 1) sum += linear.weights[feature * outputs + k]!;
      return sum * linear.scales[feature]! * unit;
    });
    return { answer: String(value), against: null, features };
  }
}
