/** Everything a trained classifier is: plain arrays, which `serialise` writes and `parse` reads. */
export interface ClassifierModel {
  /** Distinct, sorted by code unit; class k is `labels[k]`. */
  readonly labels: readonly string[];
  /** Hash of each feature of the vocabulary. */
  readonly hashes: Int32Array;
  readonly idf: Float32Array;
  /** `weights[f × classes + k] × scales[f]` is the weight of feature f for class k. */
  readonly weights: Int8Array;
  readonly scales: Float32Array;
  readonly biases: Float32Array;
  /** Length of each block's vector. */
  readonly blockWeights: readonly number[];
  /** Above 0. */
  readonly temperature: number;
}

/** Rounds each feature's weights to 8 bits by its own scale: the largest becomes ±127. Rounding moves a weight by at most half a scale. */
export function quantiseRow(row: Float32Array, into: Int8Array, at: number): number {
  let largest = 0;
  for (const weight of row) largest = Math.max(largest, Math.abs(weight));
  if (largest === 0) return 0;
  const scale = Math.fround(largest / 127);
  for (let k = 0; k < row.length; k += 1) into[at + k] = Math.max(-127, Math.min(127, Math.round(row[k]! / scale)));
  return scale;
}
