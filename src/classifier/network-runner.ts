import { decide } from './linear-head.ts';
import type { Network } from './network.ts';

/** Log-odds of the classes by a network; one input at a time, buffers are reused. */
export class NetworkRunner {
  readonly #network: Network;
  readonly #hidden: Float64Array;
  readonly #scores: Float64Array;
  readonly #active: { readonly indices: Int32Array; readonly values: Float32Array; size: number };

  constructor(network: Network) {
    this.#network = network;
    const units = network.hidden.biases.length;
    this.#hidden = new Float64Array(units);
    this.#scores = new Float64Array(network.output.biases.length);
    this.#active = { indices: new Int32Array(units), values: new Float32Array(units), size: 0 };
  }

  /** Valid until the next call. */
  run(row: { readonly indices: Int32Array; readonly values: Float32Array; readonly size: number }): Float64Array {
    decide(this.#network.hidden, row, this.#hidden);
    const active = this.#active;
    active.size = 0;
    for (let unit = 0; unit < this.#hidden.length; unit += 1) {
      if (this.#hidden[unit]! <= 0) continue;
      active.indices[active.size] = unit;
      active.values[active.size] = this.#hidden[unit]!;
      active.size += 1;
    }
    decide(this.#network.output, active, this.#scores);
    return this.#scores;
  }

  /** For the last input: how much one more of a feature adds to class `a` over class `b`. Exact while the same units stay on. */
  slopes(a: number, b: number): (feature: number) => number {
    const { hidden, output } = this.#network;
    const classes = output.biases.length;
    const units = hidden.biases.length;
    const slopes = this.#hidden.map((value, unit) =>
      value > 0 ? output.scales[unit]! * (output.weights[unit * classes + a]! - output.weights[unit * classes + b]!) : 0,
    );
    return (feature) => {
      let sum = 0;
      for (let u = 0; u < units; u += 1) sum += hidden.weights[feature * units + u]! * slopes[u]!;
      return sum * hidden.scales[feature]!;
    };
  }
}
