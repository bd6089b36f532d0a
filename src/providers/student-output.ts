import type { Json, Output } from '../core/index.ts';
import type { StudentAnswer } from './types.ts';

type Schema = { readonly [key: string]: Json };

/**
 * A student's answer in its task's output form. For JSON the values take the places and types that the schema gives them: fields their properties, a list
 * of labels a list (or the one property that is a list, or one flag for each label), a number or a label the one property that takes it. What
 * the schema does not name is left out where it forbids more; what it does not say is left as the student said it.
 */
export function answerText(answer: StudentAnswer, output: Output | null): string {
  if (output?.kind !== 'json' || !isSchema(output.schema)) return answer.text;
  const { schema } = output;
  const value = placed(answer, schema);
  return value === undefined ? answer.text : JSON.stringify(value);
}

function placed({ label, labels, fields, value }: StudentAnswer, schema: Schema): Json | undefined {
  if (fields !== undefined) return shapedFields(fields, schema);
  if (labels !== undefined) return shapedLabels(labels, schema);
  if (value !== undefined) return inPlace(typesOf(schema).includes('integer') ? Math.round(value) : value, ['number', 'integer'], schema);
  return label === undefined ? undefined : inPlace(label, ['string'], schema);
}

function shapedFields(fields: NonNullable<StudentAnswer['fields']>, schema: Schema): Json {
  const properties = propertiesOf(schema);
  const required = Array.isArray(schema.required) ? schema.required : [];
  const shaped: Record<string, Json> = {};
  for (const [name, property] of Object.entries(properties)) {
    const held = fields[name];
    if (held !== undefined) shaped[name] = converted(held, property);
    else if (required.includes(name) && typesOf(property).includes('array')) shaped[name] = [];
    else if (required.includes(name) && typesOf(property).includes('null')) shaped[name] = null;
  }
  if (schema.additionalProperties === false) return shaped;
  for (const [name, held] of Object.entries(fields)) {
    if (!Object.hasOwn(properties, name)) shaped[name] = typeof held === 'string' ? held : [...held];
  }
  return shaped;
}

function shapedLabels(labels: readonly string[], schema: Schema): Json {
  const properties = Object.entries(propertiesOf(schema));
  if (properties.length === 0) return [...labels];
  if (properties.every(([, property]) => typesOf(property).includes('boolean'))) {
    return Object.fromEntries(properties.map(([name]) => [name, labels.includes(name)]));
  }
  const lists = properties.filter(([, property]) => typesOf(property).includes('array'));
  return lists.length === 1 ? { [lists[0]![0]]: [...labels] } : [...labels];
}

/** A value itself, or in the one property of an object that takes its type. */
function inPlace(value: string | number, types: readonly string[], schema: Schema): Json {
  const takers = Object.entries(propertiesOf(schema)).filter(
    ([, property]) => typesOf(property).some((type) => types.includes(type)) || (typeof value === 'string' && Array.isArray(property.enum)),
  );
  if (takers.length !== 1) return value;
  const [name, property] = takers[0]!;
  return { [name]: typeof value === 'number' && typesOf(property).includes('integer') ? Math.round(value) : value };
}

/** A field's text or texts as its property wants them: a list, a number, a flag, or a text. */
function converted(held: string | readonly string[], property: Schema): Json {
  const values = [held].flat();
  if (typesOf(property).includes('array')) {
    const items = isSchema(property.items) ? property.items : {};
    return values.map((value) => scalar(value, items));
  }
  return scalar(values[0] ?? '', property);
}

function scalar(text: string, property: Schema): Json {
  const types = typesOf(property);
  if (types.length === 0 || types.includes('string')) return text;
  if (types.includes('number') || types.includes('integer')) {
    // A thousands comma and a currency sign are part of how people write a number.
    const number = Number(/-?\d[\d,]*(?:\.\d+)?|-?\.\d+/.exec(text)?.[0].replace(/,/g, '') ?? Number.NaN);
    if (Number.isFinite(number)) return types.includes('number') ? number : Math.round(number);
    return types.includes('null') ? null : text;
  }
  return types.includes('boolean') ? /^(?:true|yes|y|1)$/i.test(text.trim()) : text;
}

function propertiesOf(schema: Schema): Readonly<Record<string, Schema>> {
  if (!isSchema(schema.properties)) return {};
  return Object.fromEntries(Object.entries(schema.properties).map(([name, property]) => [name, isSchema(property) ? property : {}]));
}

function typesOf({ type }: Schema): readonly string[] {
  return [type ?? []].flat().filter((name) => typeof name === 'string');
}

function isSchema(value: Json | undefined): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
