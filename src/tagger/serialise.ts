import { type Container, finite, invalid, readContainer, type SectionData, sectionOf, writeContainer } from '../container/index.ts';
import type { Json } from '../core/index.ts';
import type { ChoiceField, SpanField, TaggerModel, WeightTable } from './model.ts';
import { FORMATS, type Format } from './value-forms.ts';

const KIND = 'extractor';
const RECORD_INPUTS = 4;
const FIELD_INPUTS = 3;

/** What is kept with a model beside the model: when and from what it was trained. Plain JSON. */
export type TaggerMetadata = { readonly [key: string]: Json };

/** Writes a model and its metadata as one checksummed file; the same input gives the same bytes. */
export function serialiseTagger(model: TaggerModel, metadata: TaggerMetadata): Uint8Array {
  const { spanFields, choiceFields, useBag, tagger, choices, gazetteer } = model;
  return writeContainer({
    kind: KIND,
    header: {
      spanFields: spanFields.map((field) => ({ ...field, aliases: { ...field.aliases } })),
      choiceFields: choiceFields.map((field) => ({ ...field, values: [...field.values] })),
      useBag,
      recordCalibration: [...model.recordCalibration],
      fieldCalibration: [...model.fieldCalibration],
      metadata,
    },
    sections: new Map<string, SectionData>([
      ...tableSections('tagger', tagger),
      ['transitions', model.transitions],
      ...tableSections('choices', choices),
      ['choiceBiases', model.choiceBiases],
      ['gazetteerStarts', gazetteer.starts],
      ['gazetteerPhrases', gazetteer.phrases],
      ['gazetteerPairs', gazetteer.pairs],
      ['words', model.words],
    ]),
  });
}

/** Reads a model back. Throws STUDENT_FILE_INVALID for a foreign, newer, truncated, changed or inconsistent file, or another kind of student. */
export function parseTagger(file: Uint8Array): { readonly model: TaggerModel; readonly metadata: TaggerMetadata } {
  const container = readContainer(file);
  if (container.kind !== KIND) throw invalid(`this student is of kind ${JSON.stringify(container.kind)}, not an extractor`);
  const { header } = container;
  const spanFields = listOf(header.spanFields, isSpanField, 'span fields');
  const choiceFields = listOf(header.choiceFields, isChoiceField, 'choice fields');
  const names = [...spanFields, ...choiceFields].map(({ name }) => name);
  if (names.length === 0 || new Set(names).size !== names.length) throw invalid('the student file has no fields, or two of one name');
  const tags = 1 + 2 * spanFields.length;
  let classes = 0;
  for (const field of choiceFields) {
    if (field.first !== classes) throw invalid('the choices of the student file are not numbered in a row');
    classes += field.values.length + 1;
  }
  const phrases = sectionOf(container, 'gazetteerPhrases', Int32Array, null);
  const pairs = sectionOf(container, 'gazetteerPairs', Int32Array, null);
  if (!pairs.every((pair) => pair >= 0 && pair < phrases.length * spanFields.length))
    throw invalid('a known value of the student file has no field');
  const model: TaggerModel = {
    spanFields,
    choiceFields,
    useBag: header.useBag === true,
    tagger: readTable(container, 'tagger', tags),
    transitions: finite(sectionOf(container, 'transitions', Float32Array, (tags + 1) * tags)),
    choices: readTable(container, 'choices', classes),
    choiceBiases: finite(sectionOf(container, 'choiceBiases', Float32Array, classes)),
    gazetteer: { starts: hashes(container, 'gazetteerStarts'), phrases: hashes(container, 'gazetteerPhrases'), pairs },
    words: hashes(container, 'words'),
    recordCalibration: coefficients(header.recordCalibration, RECORD_INPUTS),
    fieldCalibration: coefficients(header.fieldCalibration, FIELD_INPUTS),
  };
  return { model, metadata: (header.metadata ?? {}) as TaggerMetadata };
}

function tableSections(name: string, table: WeightTable): [string, SectionData][] {
  const counts = Uint8Array.from({ length: table.hashes.length }, (_, f) => table.starts[f + 1]! - table.starts[f]!);
  return [
    [`${name}Hashes`, table.hashes],
    [`${name}Counts`, new Int8Array(counts.buffer)],
    [`${name}Classes`, new Int8Array(table.classes.buffer, table.classes.byteOffset, table.classes.length)],
    [`${name}Weights`, table.weights],
    [`${name}Scale`, Float32Array.of(table.scale)],
  ];
}

function readTable(container: Container, name: string, classes: number): WeightTable {
  const known = hashes(container, `${name}Hashes`);
  const counts = new Uint8Array(sectionOf(container, `${name}Counts`, Int8Array, known.length).buffer);
  const starts = new Int32Array(known.length + 1);
  for (let f = 0; f < known.length; f += 1) starts[f + 1] = starts[f]! + counts[f]!;
  const pairs = starts[known.length]!;
  const classOf = new Uint8Array(sectionOf(container, `${name}Classes`, Int8Array, pairs).buffer);
  if (!classOf.every((one) => one < classes)) throw invalid('a weight of the student file is for a class that there is not');
  return {
    hashes: known,
    starts,
    classes: classOf,
    weights: sectionOf(container, `${name}Weights`, Int8Array, pairs),
    scale: finite(sectionOf(container, `${name}Scale`, Float32Array, 1))[0]!,
  };
}

function hashes(container: Container, name: string): Int32Array {
  const values = sectionOf(container, name, Int32Array, null);
  if (values.includes(0) || new Set(values).size !== values.length) throw invalid('a list of hashes of the student file repeats itself');
  return values;
}

function coefficients(value: Json | undefined, count: number): readonly number[] {
  if (!Array.isArray(value) || value.length !== count || !value.every((one) => typeof one === 'number'))
    throw invalid('the calibration of the student file is wrong');
  return value;
}

function listOf<T>(value: Json | undefined, is: (one: unknown) => one is T, what: string): readonly T[] {
  if (!Array.isArray(value) || !value.every(is)) throw invalid(`the ${what} of the student file are wrong`);
  return value;
}

function isSpanField(value: unknown): value is SpanField {
  if (!isRecord(value)) return false;
  const { name, format, several, list, usual, aliases } = value;
  const flags = typeof several === 'boolean' && typeof list === 'boolean' && typeof usual === 'boolean';
  return (
    typeof name === 'string' &&
    FORMATS.includes(format as Format) &&
    flags &&
    isRecord(aliases) &&
    Object.values(aliases).every((one) => typeof one === 'string')
  );
}

function isChoiceField(value: unknown): value is ChoiceField {
  if (!isRecord(value)) return false;
  const { name, values, list, first } = value;
  return (
    typeof name === 'string' &&
    Array.isArray(values) &&
    values.every((one) => typeof one === 'string') &&
    typeof list === 'boolean' &&
    typeof first === 'number'
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
