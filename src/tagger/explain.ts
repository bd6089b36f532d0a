import type { HashIndex } from '../hashing/index.ts';
import { valuesOf } from './compare.ts';
import { type FeatureReader, TEMPLATES } from './features.ts';
import type { Gazetteer } from './gazetteer.ts';
import { type ChoiceField, type TaggerModel, type WeightTable, weightOf } from './model.ts';
import type { RawExtraction } from './raw-extraction.ts';
import type { FieldExplanation } from './types.ts';

/** A tagger's parts, with the text read. */
export interface ExplainedText {
  readonly model: TaggerModel;
  readonly reader: FeatureReader;
  readonly features: HashIndex;
  readonly choiceFeatures: HashIndex;
  readonly gazetteer: Gazetteer;
}

/** For each field the features that spoke most for its value against "no field" (a choice: against having none). */
export function explainExtraction(parts: ExplainedText, raw: RawExtraction, count: number): readonly FieldExplanation[] {
  const { model, reader } = parts;
  const explained: FieldExplanation[] = raw.passages.map((passage) => {
    const weights = new Map<string, number>();
    for (let i = passage.from; i < passage.to; i += 1) {
      const tag = (i === passage.from ? 1 : 2) + 2 * passage.field;
      let affix = 0;
      for (let at = reader.offsets[i]!; at < reader.offsets[i + 1]!; at += 1) {
        const template = TEMPLATES[reader.templates[at]!]!;
        if (template === 'prefix') affix += 1;
        add(weights, describe(reader, template, i, affix), gain(model.tagger, parts.features.find(reader.hashes[at]!), tag, 0));
      }
      if (model.useBag && i === passage.from)
        addBag(weights, parts, (at) => gain(model.tagger, parts.features.find(reader.hashes[at]!), tag, 0));
    }
    return { field: model.spanFields[passage.field]!.name, value: passage.value, features: top(weights, count) };
  });
  for (const field of model.choiceFields)
    for (const value of valuesOf(raw.fields[field.name])) explained.push(explainChoice(parts, field, value, count));
  return explained;
}

function explainChoice(parts: ExplainedText, field: ChoiceField, value: string, count: number): FieldExplanation {
  const { model, reader } = parts;
  const chosen = field.first + 1 + field.values.indexOf(value);
  const weights = new Map<string, number>([['always', model.choiceBiases[chosen]! - model.choiceBiases[field.first]!]]);
  const share = 1 / Math.sqrt(Math.max(1, reader.bagEnd - reader.offsets[reader.tokens.size]!));
  addBag(weights, parts, (at) => share * gain(model.choices, parts.choiceFeatures.find(reader.hashes[at]!), chosen, field.first));
  return { field: field.name, value, features: top(weights, count) };
}

/** The text-wide features in the order in which the reader emits them: for each token its word and the two words that end with it, each once. */
function addBag(weights: Map<string, number>, parts: ExplainedText, weight: (at: number) => number): void {
  const { reader } = parts;
  const { size } = reader.tokens;
  const seen = new Set<string>();
  let at = reader.offsets[size]!;
  for (let i = 0; i < size; i += 1)
    for (const [template, words] of [
      ['text holds word', word(reader, i)],
      ['text holds words', `${word(reader, i - 1)} ${word(reader, i)}`],
    ] as const) {
      const key = `${template} ${words}`;
      if (seen.has(key) || at >= reader.bagEnd) continue;
      seen.add(key);
      add(weights, `text holds "${words}"`, weight(at));
      at += 1;
    }
}

function gain(table: WeightTable, feature: number, chosen: number, other: number): number {
  if (feature < 0) return 0;
  let sum = 0;
  for (let p = table.starts[feature]!; p < table.starts[feature + 1]!; p += 1) {
    if (table.classes[p] === chosen) sum += weightOf(table.weights[p]!, table.scale);
    if (table.classes[p] === other) sum -= weightOf(table.weights[p]!, table.scale);
  }
  return sum;
}

function describe(reader: FeatureReader, template: (typeof TEMPLATES)[number], i: number, affix: number): string {
  const { tokens } = reader;
  const row = tokens.line[i]!;
  const first = tokens.lineStarts[row]!;
  const end = tokens.lineStarts[row + 1]!;
  const here = word(reader, i);
  const quoted: Partial<Record<(typeof TEMPLATES)[number], string>> = {
    word: here,
    'word before': word(reader, i - 1),
    'word after': word(reader, i + 1),
    'word 2 before': word(reader, i - 2),
    'word 2 after': word(reader, i + 2),
    'words before and here': `${word(reader, i - 1)} ${here}`,
    'words here and after': `${here} ${word(reader, i + 1)}`,
    'two words before': `${word(reader, i - 2)} ${word(reader, i - 1)}`,
    'two words after': `${word(reader, i + 1)} ${word(reader, i + 2)}`,
    'words around': `${word(reader, i - 1)} … ${word(reader, i + 1)}`,
    prefix: here.slice(0, affix),
    suffix: here.slice(-affix),
    'suffix before': word(reader, i - 1).slice(-3),
    'suffix after': word(reader, i + 1).slice(-3),
    'known value': here,
    'first word of line': word(reader, first),
    'line before begins': row > 0 ? word(reader, tokens.lineStarts[row - 1]!) : '',
    'line before ends': word(reader, first - 1),
    'line after begins': word(reader, end),
  };
  const quote = quoted[template];
  return quote === undefined ? template : `${template} "${quote}"`;
}

function word(reader: FeatureReader, i: number): string {
  const { tokens } = reader;
  if (i < 0) return '⟨start⟩';
  return i < tokens.size ? tokens.text.slice(tokens.starts[i]!, tokens.ends[i]!).toLowerCase() : '⟨end⟩';
}

function add(weights: Map<string, number>, feature: string, weight: number): void {
  if (weight !== 0) weights.set(feature, (weights.get(feature) ?? 0) + weight);
}

function top(weights: ReadonlyMap<string, number>, count: number): FieldExplanation['features'] {
  return [...weights]
    .filter(([, weight]) => weight > 0)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, count)
    .map(([feature, weight]) => ({ feature, weight }));
}
