import type { Format } from './value-forms.ts';

/** Weights of (feature, class) pairs: those of feature f lie from `starts[f]` to before `starts[f + 1]`; a weight is `weightOf(weights[p], scale)`. */
export interface WeightTable {
  readonly hashes: Int32Array;
  readonly starts: Int32Array;
  readonly classes: Uint8Array;
  readonly weights: Int8Array;
  readonly scale: number;
}

/** A field whose values are passages of the text. */
export interface SpanField {
  readonly name: string;
  readonly format: Format;
  /** Whether training showed several values in one row. */
  readonly several: boolean;
  /** Whether the value is a list even when there is one. */
  readonly list: boolean;
  /** Whether nearly every training row had it. */
  readonly usual: boolean;
  /** Values by the letters and digits of the passage, where training wrote them otherwise than `format` does. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** A field whose values are chosen from a list: class `first` means that the text has none, `first + 1 + v` is `values[v]`. */
export interface ChoiceField {
  readonly name: string;
  readonly values: readonly string[];
  readonly list: boolean;
  readonly first: number;
}

/** Everything a trained tagger is; `serialiseTagger` writes it and `parseTagger` reads it. */
export interface TaggerModel {
  readonly spanFields: readonly SpanField[];
  readonly choiceFields: readonly ChoiceField[];
  /** Whether the words of the whole text count for every token. */
  readonly useBag: boolean;
  readonly tagger: WeightTable;
  readonly transitions: Float32Array;
  readonly choices: WeightTable;
  readonly choiceBiases: Float32Array;
  readonly gazetteer: { readonly starts: Int32Array; readonly phrases: Int32Array; readonly pairs: Int32Array };
  /** Hashes of the words that training saw. */
  readonly words: Int32Array;
  /** Coefficients of the record's and of the fields' calibration. */
  readonly recordCalibration: readonly number[];
  readonly fieldCalibration: readonly number[];
}

/** The weight that 8 bits stand for: their square, so that small weights, which are the most, keep more of their precision than large ones. */
export function weightOf(rounded: number, scale: number): number {
  return rounded * Math.abs(rounded) * scale;
}

/** Rounds weights to 8 bits (see `weightOf`) and leaves out pairs that become 0, and features that have none left. */
export function quantised(hashes: Int32Array, starts: Int32Array, classes: Uint8Array, weights: Float32Array): WeightTable {
  let largest = 0;
  for (const weight of weights) largest = Math.max(largest, Math.abs(weight));
  const scale = largest === 0 ? 1 : Math.fround(largest / (127 * 127));
  const keptHashes: number[] = [];
  const keptStarts: number[] = [0];
  const keptClasses = new Uint8Array(weights.length);
  const keptWeights = new Int8Array(weights.length);
  let size = 0;
  for (let f = 0; f < hashes.length; f += 1) {
    const before = size;
    for (let p = starts[f]!; p < starts[f + 1]!; p += 1) {
      const weight = weights[p]!;
      const rounded = Math.sign(weight) * Math.min(127, Math.round(Math.sqrt(Math.abs(weight) / scale)));
      if (rounded === 0) continue;
      keptClasses[size] = classes[p]!;
      keptWeights[size] = rounded;
      size += 1;
    }
    if (size === before) continue;
    keptHashes.push(hashes[f]!);
    keptStarts.push(size);
  }
  return {
    hashes: Int32Array.from(keptHashes),
    starts: Int32Array.from(keptStarts),
    classes: keptClasses.slice(0, size),
    weights: keptWeights.slice(0, size),
    scale,
  };
}
