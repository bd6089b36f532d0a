import { HashIndex } from '../hashing/index.ts';
import { calibrated, logit } from './calibration.ts';
import { softmax } from './choice-training.ts';
import { explainExtraction } from './explain.ts';
import { FeatureReader } from './features.ts';
import { Gazetteer } from './gazetteer.ts';
import { Lattice, Transitions } from './lattice.ts';
import { type TaggerModel, type WeightTable, weightOf } from './model.ts';
import { type Passage, PassageReader } from './passages.ts';
import type { RawExtraction } from './raw-extraction.ts';
import type { Extraction, FieldExplanation, FieldValue } from './types.ts';

/**
 * Extracts fields from texts: synchronous, bounded for any text. Buffers are reused between calls, so one tagger serves one thread.
 */
export class Tagger {
  readonly model: TaggerModel;
  readonly #reader = new FeatureReader();
  readonly #lattice: Lattice;
  readonly #passages: PassageReader;
  readonly #transitions: Transitions;
  readonly #gazetteer: Gazetteer;
  readonly #features: HashIndex;
  readonly #choiceFeatures: HashIndex;
  readonly #words: HashIndex;
  readonly #bag: Float64Array;
  readonly #choices: Float64Array;

  constructor(model: TaggerModel) {
    this.model = model;
    const tags = 1 + 2 * model.spanFields.length;
    this.#lattice = new Lattice(tags);
    this.#passages = new PassageReader(model.spanFields);
    this.#transitions = new Transitions(tags, model.transitions);
    const { starts, phrases, pairs } = model.gazetteer;
    this.#gazetteer = Gazetteer.restore(model.spanFields.length, starts, phrases, pairs);
    this.#features = indexOf(model.tagger.hashes);
    this.#choiceFeatures = indexOf(model.choices.hashes);
    this.#words = indexOf(model.words);
    this.#bag = new Float64Array(tags);
    this.#choices = new Float64Array(model.choiceBiases.length);
  }

  /** Names of all fields that an answer can have: first the passages, then the choices. */
  get fields(): readonly string[] {
    return [...this.model.spanFields, ...this.model.choiceFields].map(({ name }) => name);
  }

  /** The fields of a text. Never throws; an empty text has no passages, and of the choices only those that training made usual. */
  predict(text: string): Extraction {
    return calibratedExtraction(this.model, this.raw(text));
  }

  /** Why each field has its value: at most `count` features a field, those with the largest weights. */
  explain(text: string, count = 8): readonly FieldExplanation[] {
    const raw = this.raw(text);
    return explainExtraction(
      {
        model: this.model,
        reader: this.#reader,
        features: this.#features,
        choiceFeatures: this.#choiceFeatures,
        gazetteer: this.#gazetteer,
      },
      raw,
      count,
    );
  }

  /** The fields with the model's own probabilities: what the calibration is fitted on. */
  raw(text: string): RawExtraction {
    const reader = this.#reader;
    reader.read(text, this.#gazetteer);
    const { tokens } = reader;
    this.#score();
    this.#lattice.run(this.#transitions);
    const passages = this.#passages.read(this.#lattice, tokens);
    const fields: Record<string, FieldValue> = {};
    const probabilities: Record<string, number> = {};
    for (let f = 0; f < this.model.spanFields.length; f += 1) {
      const field = this.model.spanFields[f]!;
      const own = passages.filter((passage) => passage.field === f);
      if (own.length === 0) continue;
      const values = own.map(({ value }) => value);
      set(fields, field.name, field.list || values.length > 1 ? values : values[0]!);
      set(
        probabilities,
        field.name,
        own.reduce((product, { probability }) => product * probability, 1),
      );
    }
    const logBest = this.#lattice.logBest + this.#choose(fields, probabilities);
    return { fields, probabilities, passages, logBest, ...this.#knownWords(passages) };
  }

  /** Shares of known words; a passage's words count as known outside, for names and numbers may well be new. */
  #knownWords(passages: readonly Passage[]): { readonly knownShare: number; readonly knownOutside: number } {
    const { tokens } = this.#reader;
    let known = 0;
    for (let i = 0; i < tokens.size; i += 1) if (this.#words.find(tokens.lower[i]!) >= 0) known += 1;
    let newInside = 0;
    // Passages come by their beginning, and those of two fields may overlap: no token counts twice.
    let next = 0;
    for (const { from, to } of passages)
      for (next = Math.max(next, from); next < to; next += 1) if (this.#words.find(tokens.lower[next]!) < 0) newInside += 1;
    const size = Math.max(1, tokens.size);
    return { knownShare: known / size, knownOutside: (known + newInside) / size };
  }

  /** Scores of all tags at all tokens. */
  #score(): void {
    const { tokens, offsets, hashes, bagEnd } = this.#reader;
    const { tagger, useBag } = this.model;
    const lattice = this.#lattice;
    const { size } = tokens;
    lattice.begin(size);
    const { scores } = lattice;
    const bag = this.#bag.fill(0);
    if (useBag) for (let at = offsets[size]!; at < bagEnd; at += 1) addWeights(tagger, this.#features.find(hashes[at]!), bag, 0);
    for (let i = 0; i < size; i += 1) {
      const cell = i * lattice.tags;
      if (useBag) for (let k = 1; k < lattice.tags; k += 2) scores[cell + k] = bag[k]!;
      for (let at = offsets[i]!; at < offsets[i + 1]!; at += 1) addWeights(tagger, this.#features.find(hashes[at]!), scores, cell);
    }
  }

  /** Puts in the choices; returns the sum of their log probabilities. */
  #choose(fields: Record<string, FieldValue>, probabilities: Record<string, number>): number {
    const { choiceFields, choices, choiceBiases } = this.model;
    if (choiceFields.length === 0) return 0;
    const { offsets, hashes, bagEnd, tokens } = this.#reader;
    const scores = this.#choices.fill(0);
    const from = offsets[tokens.size]!;
    for (let at = from; at < bagEnd; at += 1) addWeights(choices, this.#choiceFeatures.find(hashes[at]!), scores, 0);
    const share = 1 / Math.sqrt(Math.max(1, bagEnd - from));
    for (let k = 0; k < scores.length; k += 1) scores[k] = scores[k]! * share + choiceBiases[k]!;
    let logarithm = 0;
    for (const { name, values, list, first } of choiceFields) {
      const end = first + values.length + 1;
      softmax(scores, first, end);
      let best = first;
      for (let k = first + 1; k < end; k += 1) if (scores[k]! > scores[best]!) best = k;
      logarithm += Math.log(scores[best]!);
      if (best === first) continue;
      const value = values[best - first - 1]!;
      set(fields, name, list ? [value] : value);
      set(probabilities, name, scores[best]!);
    }
    return logarithm;
  }
}

/** An answer from what the model itself says, by its calibration. */
export function calibratedExtraction(model: Pick<TaggerModel, 'recordCalibration' | 'fieldCalibration'>, raw: RawExtraction): Extraction {
  const perField: Record<string, number> = {};
  for (const name of Object.keys(raw.fields)) set(perField, name, calibrated(model.fieldCalibration, fieldInputs(raw, name)));
  return {
    fields: raw.fields,
    confidence: calibrated(model.recordCalibration, recordInputs(raw)),
    perField,
    knownShare: raw.knownOutside,
  };
}

/** What the record's calibration looks at. */
export function recordInputs(raw: RawExtraction): readonly number[] {
  const least = Object.values(raw.probabilities).reduce((a, b) => Math.min(a, b), 1);
  return [logit(Math.exp(raw.logBest)), logit(least), raw.knownShare];
}

/** What a field's calibration looks at. */
export function fieldInputs(raw: RawExtraction, name: string): readonly number[] {
  return [logit(raw.probabilities[name]!), raw.knownShare];
}

function addWeights(table: WeightTable, feature: number, scores: Float64Array, cell: number): void {
  if (feature < 0) return;
  const { starts, classes, weights, scale } = table;
  for (let p = starts[feature]!; p < starts[feature + 1]!; p += 1) {
    const at = cell + classes[p]!;
    scores[at] = scores[at]! + weightOf(weights[p]!, scale);
  }
}

function indexOf(hashes: Int32Array): HashIndex {
  const index = new HashIndex(hashes.length);
  for (const hash of hashes) index.intern(hash);
  return index;
}

/** Sets a property even when its name is `__proto__`. */
function set<T>(record: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
}
