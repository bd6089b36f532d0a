import { Encoder } from './encoding.ts';
import { FeatureCounter } from './feature-counter.ts';
import { sigmoid } from './logistic.ts';
import type { TriageModel } from './model.ts';
import { tierOf } from './report.ts';
import type { TriageInput, TriagePrediction } from './types.ts';

/** A trained router. It keeps scratch space, so one instance answers one request at a time: predictions are synchronous. */
export class Triage {
  readonly #model: TriageModel;
  readonly #counter = new FeatureCounter();
  readonly #encoder: Encoder;

  constructor(model: TriageModel) {
    this.#model = model;
    this.#encoder = new Encoder(model.encoding);
  }

  /** Expected gain of calling big instead of small, and the tier. Never throws, whatever the text; unknown tasks and categories are ignored. */
  predict(input: TriageInput): TriagePrediction {
    const { weights, cuts } = this.#model;
    this.#counter.count(input.text);
    this.#encoder.encode(this.#counter, 0, input);
    const { columns, values, size, width } = this.#encoder;
    let small = weights[width * 2]!;
    let big = weights[width * 2 + 1]!;
    for (let k = 0; k < size; k += 1) {
      const at = columns[k]! * 2;
      const value = values[k]!;
      small += value * weights[at]!;
      big += value * weights[at + 1]!;
    }
    const gain = sigmoid(big) - sigmoid(small);
    return { gain, tier: tierOf(gain, cuts) };
  }
}
