import { CommitteeRunner } from './committee.ts';
import { createEncoder, type Encoder } from './encoding.ts';
import { explainDifference } from './explanation.ts';
import { bestOf, scoreOf } from './held-out.ts';
import { decide } from './linear-head.ts';
import type { ClassScores } from './mixture.ts';
import type { ClassifierModel } from './model.ts';
import { certaintyOf } from './scope.ts';
import type { Explanation, LabelProbability, Prediction, StudentInput } from './types.ts';

/**
 * Predicts labels: synchronous, tens of microseconds, bounded for any text. Buffers are reused between calls, so one classifier serves one
 * thread.
 */
export class Classifier {
  readonly model: ClassifierModel;
  readonly #encoder: Encoder;
  readonly #runner: CommitteeRunner | null;
  readonly #linear: Float64Array;
  readonly #scores: ClassScores;

  constructor(model: ClassifierModel) {
    this.model = model;
    this.#encoder = createEncoder(model.encoding);
    this.#runner = model.networks.length > 0 ? new CommitteeRunner(model.networks) : null;
    this.#linear = new Float64Array(model.labels.length);
    this.#scores = { classes: model.labels.length, linear: this.#linear, network: this.#runner?.scores ?? null };
  }

  get labels(): readonly string[] {
    return this.model.labels;
  }

  /**
   * The best label and how sure it is. Never throws for a text in a student of texts: an empty text, or one with nothing known in it, gets
   * the prior's best label and is out of scope. Throws INPUT_INVALID for an embedding of the wrong length, or the other kind of input.
   */
  predict(input: StudentInput): Prediction {
    const { labels, mixture, certain } = this.model;
    const row = this.#encoder.encode(input);
    decide(this.model.linear, row, this.#linear);
    this.#runner?.run(row);
    const best = bestOf(this.#scores, 0, mixture);
    const { confidence, inScope, outOfScope } = certaintyOf(certain, best, row.novelty);
    return {
      label: labels[best.k]!,
      probability: best.probability,
      margin: best.margin / mixture.linear,
      confidence,
      inScope,
      outOfScope,
    };
  }

  /** The `count` most probable labels, most probable first; all labels' probabilities sum to 1. */
  rank(input: StudentInput, count: number): LabelProbability[] {
    const { labels, mixture } = this.model;
    const row = this.#encoder.encode(input);
    decide(this.model.linear, row, this.#linear);
    this.#runner?.run(row);
    const scores = labels.map((label, k) => ({ label, score: scoreOf(this.#scores, k, mixture) }));
    const highest = scores.reduce((most, { score }) => Math.max(most, score), Number.NEGATIVE_INFINITY);
    // Summed before sorting, in the order that predict sums: so that both give the very same probability.
    const total = scores.reduce((sum, { score }) => sum + Math.exp(score - highest), 0);
    scores.sort((a, b) => b.score - a.score);
    return scores.slice(0, count).map(({ label, score }) => ({ label, probability: Math.exp(score - highest) / total }));
  }

  /** The `count` features of this input that spoke the loudest for or against the best label over the runner-up. */
  explain(input: StudentInput, count = 8): Explanation {
    const [first, second] = this.rank(input, 2);
    const answer = this.model.labels.indexOf(first!.label);
    const against = this.model.labels.indexOf(second!.label);
    const row = this.#encoder.encode(input);
    this.#runner?.run(row);
    const { linear, mixture } = this.model;
    const outputs = linear.biases.length;
    const slopes = this.#runner?.slopes(answer, against);
    const features = explainDifference(input, this.model.encoding, row, count, (feature) => {
      const at = feature * outputs;
      const difference = linear.scales[feature]! * (linear.weights[at + answer]! - linear.weights[at + against]!);
      return mixture.linear * difference + (slopes ? mixture.network * slopes(feature) : 0);
    });
    return { answer: first!.label, against: second!.label, features };
  }
}
