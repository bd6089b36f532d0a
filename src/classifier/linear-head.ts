/** Linear decision values with weights of 8 bits: `weights[f × outputs + k] × scales[f]` is the weight of feature f for output k. */
export interface LinearHead {
  readonly weights: Int8Array;
  readonly scales: Float32Array;
  /** One for each output. */
  readonly biases: Float32Array;
}

/** Rounds each feature's row of `dense` (features × outputs) to 8 bits by its own scale: the largest weight becomes ±127. */
export function quantise(dense: Float32Array, biases: Float32Array): LinearHead {
  const outputs = biases.length;
  const weights = new Int8Array(dense.length);
  const scales = new Float32Array(dense.length / outputs);
  for (let feature = 0; feature < scales.length; feature += 1) {
    const at = feature * outputs;
    scales[feature] = quantiseRow(dense.subarray(at, at + outputs), weights, at);
  }
  return { weights, scales, biases };
}

/** Adds value × weights of each feature to `into`, one decision value for each output; starts from the biases. */
export function decide(
  head: LinearHead,
  row: { readonly indices: Int32Array; readonly values: Float32Array; readonly size: number },
  into: Float64Array,
): void {
  const { weights, scales } = head;
  const outputs = head.biases.length;
  into.set(head.biases);
  for (let i = 0; i < row.size; i += 1) {
    const feature = row.indices[i]!;
    const value = row.values[i]! * scales[feature]!;
    if (value === 0) continue;
    const from = feature * outputs;
    for (let k = 0; k < outputs; k += 1) into[k] = into[k]! + value * weights[from + k]!;
  }
}

/** Rounds one row to 8 bits; rounding moves a weight by at most half the scale that is returned. */
export function quantiseRow(row: Float32Array, into: Int8Array, at: number): number {
  let largest = 0;
  for (const weight of row) largest = Math.max(largest, Math.abs(weight));
  if (largest === 0) return 0;
  const scale = Math.fround(largest / 127);
  for (let k = 0; k < row.length; k += 1) into[at + k] = Math.max(-127, Math.min(127, Math.round(row[k]! / scale)));
  return scale;
}
