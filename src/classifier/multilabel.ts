import { createEncoder, type Encoder, type Encoding } from './encoding.ts';
import { explainDifference } from './explanation.ts';
import { decide, type LinearHead } from './linear-head.ts';
import { type Logistic, sigmoid } from './logistic.ts';
import { type Certain, certaintyOf } from './scope.ts';
import type { Explanation, MultilabelPrediction, StudentInput } from './types.ts';

/** Everything a trained multi-label classifier is. */
export interface MultilabelModel {
  readonly encoding: Encoding;
  /** Distinct, sorted by code unit. */
  readonly labels: readonly string[];
  readonly linear: LinearHead;
  /** From a label's decision value to its log-odds (Platt 1999), one for each label. */
  readonly calibrations: readonly Logistic[];
  /** A label is given when its probability reaches this: the best F1 on held-out rows. */
  readonly thresholds: readonly number[];
  readonly certain: Certain;
}

/** What a row's decision values say. */
export interface SetAnswer {
  readonly probabilities: Float64Array;
  /** Indices of the labels that are given. */
  readonly given: readonly number[];
  /** P(the whole set is right) if labels were independent. */
  readonly probability: number;
  /** Largest decision value. */
  readonly decision: number;
}

/** Reads `labels` decision values from `at`. */
export function answerSet(
  decisions: ArrayLike<number>,
  at: number,
  model: Pick<MultilabelModel, 'calibrations' | 'thresholds'>,
): SetAnswer {
  const { calibrations, thresholds } = model;
  const probabilities = new Float64Array(thresholds.length);
  const given: number[] = [];
  let logProbability = 0;
  let decision = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < thresholds.length; k += 1) {
    const value = decisions[at + k]!;
    if (value > decision) decision = value;
    const { weights, bias } = calibrations[k]!;
    const p = sigmoid(bias + weights[0]! * value);
    probabilities[k] = p;
    const isGiven = p >= thresholds[k]!;
    if (isGiven) given.push(k);
    logProbability += Math.log(Math.max(1e-9, isGiven ? p : 1 - p));
  }
  return { probabilities, given, probability: Math.exp(logProbability), decision };
}

/** Predicts sets of labels: synchronous, bounded for any text. Buffers are reused between calls, so one of these serves one thread. */
export class MultilabelClassifier {
  readonly model: MultilabelModel;
  readonly #encoder: Encoder;
  readonly #decisions: Float64Array;

  constructor(model: MultilabelModel) {
    this.model = model;
    this.#encoder = createEncoder(model.encoding);
    this.#decisions = new Float64Array(model.labels.length);
  }

  get labels(): readonly string[] {
    return this.model.labels;
  }

  /** The labels of an input, perhaps none; confidence is P(the whole set is right). Throws INPUT_INVALID as Classifier.predict does. */
  predict(input: StudentInput): MultilabelPrediction {
    const row = this.#encoder.encode(input);
    decide(this.model.linear, row, this.#decisions);
    const answer = answerSet(this.#decisions, 0, this.model);
    return {
      labels: answer.given.map((k) => this.model.labels[k]!),
      probabilities: answer.probabilities,
      ...certaintyOf(this.model.certain, answer, row.novelty),
    };
  }

  /** One explanation for each label given, or for the most probable label when none is; against "not this label". */
  explain(input: StudentInput, count = 8): Explanation[] {
    const { labels, linear } = this.model;
    const row = this.#encoder.encode(input);
    decide(linear, row, this.#decisions);
    const { given, probabilities } = answerSet(this.#decisions, 0, this.model);
    const explained = given.length > 0 ? given : [probabilities.indexOf(Math.max(...probabilities))];
    return explained.map((k) => {
      const weightOf = (feature: number) => linear.scales[feature]! * linear.weights[feature * labels.length + k]!;
      return { answer: labels[k]!, against: null, features: explainDifference(input, this.model.encoding, row, count, weightOf) };
    });
  }
}
