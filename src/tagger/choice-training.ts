import { seededRandom } from '../statistics/index.ts';
import type { Corpus } from './corpus.ts';
import type { LocatedRow } from './located-row.ts';
import { type ChoiceField, quantised, type WeightTable } from './model.ts';

/** All choice fields together have at most so many values; rarer ones are left out. */
const MAX_CLASSES = 250;
const PASSES = 12;
const RATE = 0.3;
const FIRST_SQUARES = 1e-3;

/** What was learnt about the choice fields. */
export interface ChoiceModel {
  readonly fields: readonly ChoiceField[];
  readonly table: WeightTable;
  readonly biases: Float32Array;
}

/** The values of each choice field, most frequent first, as many as there is room for. */
export function choiceFieldsOf(names: readonly string[], rows: readonly LocatedRow[], lists: ReadonlySet<string>): ChoiceField[] {
  const room = Math.max(1, Math.floor(MAX_CLASSES / Math.max(1, names.length)) - 1);
  let first = 0;
  return names.map((name, field) => {
    const counts = new Map<string, number>();
    for (const { choices } of rows) if (choices[field]) counts.set(choices[field], (counts.get(choices[field]) ?? 0) + 1);
    const values = [...counts]
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .slice(0, room)
      .map(([value]) => value);
    const choice = { name, values, list: lists.has(name), first };
    first += values.length + 1;
    return choice;
  });
}

/** Multinomial logistic regression on the words of the text, one for each choice field, by AdaGrad (Duchi et al. 2011). */
export function trainChoices(corpus: Corpus, rows: readonly LocatedRow[], fields: readonly ChoiceField[], seed: number): ChoiceModel {
  const last = fields.at(-1);
  const classes = last ? last.first + last.values.length + 1 : 0;
  const size = corpus.index.size;
  if (classes === 0) {
    const empty = quantised(new Int32Array(0), new Int32Array(1), new Uint8Array(0), new Float32Array(0));
    return { fields, table: empty, biases: new Float32Array(0) };
  }
  const bagFeatures = [...new Set(corpus.bag)].sort((a, b) => a - b);
  const rowOf = new Int32Array(size).fill(-1);
  bagFeatures.forEach((feature, row) => {
    rowOf[feature] = row;
  });
  const weights = new Float32Array(bagFeatures.length * classes);
  const squares = new Float32Array(weights.length).fill(FIRST_SQUARES);
  const biases = new Float32Array(classes);
  const scores = new Float64Array(classes);
  const random = seededRandom(seed);
  const order = rows.map((_, row) => row);
  for (let pass = 0; pass < PASSES; pass += 1)
    for (const row of random.shuffle(order)) {
      const from = corpus.bagStarts[row]!;
      const to = corpus.bagStarts[row + 1]!;
      // Long texts have more words: without this their steps would be longer.
      const value = 1 / Math.sqrt(Math.max(1, to - from));
      scores.set(biases);
      for (let at = from; at < to; at += 1) {
        const base = rowOf[corpus.bag[at]!]! * classes;
        for (let k = 0; k < classes; k += 1) scores[k] = scores[k]! + value * weights[base + k]!;
      }
      fields.forEach((field, number) => {
        slopes(scores, field, rows[row]!.choices[number]!);
      });
      for (let k = 0; k < classes; k += 1) biases[k] = biases[k]! + 0.1 * scores[k]!;
      for (let at = from; at < to; at += 1) {
        const base = rowOf[corpus.bag[at]!]! * classes;
        for (let k = 0; k < classes; k += 1) {
          const slope = value * scores[k]!;
          squares[base + k] = squares[base + k]! + slope * slope;
          weights[base + k] = weights[base + k]! + (RATE * slope) / Math.sqrt(squares[base + k]!);
        }
      }
    }
  const hashes = corpus.index.keys();
  const starts = Int32Array.from({ length: bagFeatures.length + 1 }, (_, row) => row * classes);
  const classOf = Uint8Array.from({ length: weights.length }, (_, at) => at % classes);
  return {
    fields,
    table: quantised(
      Int32Array.from(bagFeatures, (f) => hashes[f]!),
      starts,
      classOf,
      weights,
    ),
    biases,
  };
}

/** Replaces a field's scores by the slope of its log-likelihood: 1 or 0 for the right class minus the softmax. */
function slopes(scores: Float64Array, field: ChoiceField, gold: string): void {
  const end = field.first + field.values.length + 1;
  const right = gold === '' ? field.first : field.first + 1 + field.values.indexOf(gold);
  softmax(scores, field.first, end);
  // A value that has no room in the list teaches nothing.
  const known = gold === '' || right > field.first;
  for (let k = field.first; k < end; k += 1) scores[k] = known ? (k === right ? 1 : 0) - scores[k]! : 0;
}

/** Turns scores [from, to) into probabilities. */
export function softmax(scores: Float64Array, from: number, to: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let k = from; k < to; k += 1) highest = Math.max(highest, scores[k]!);
  let sum = 0;
  for (let k = from; k < to; k += 1) {
    scores[k] = Math.exp(scores[k]! - highest);
    sum += scores[k]!;
  }
  for (let k = from; k < to; k += 1) scores[k] = scores[k]! / sum;
}
