import { type JsonRecord, listOf, objectOf, textOf, unpacked } from '../values.ts';

/** Attributes of a span by their full names, whatever the export writes them as. */
export type SpanAttributes = ReadonlyMap<string, unknown>;

const MAX_DEPTH = 8;

/** Reads OTLP's list of {key, value: {stringValue | intValue | …}}, or a plain object, whose nested members get dotted names. */
export function attributesOf(value: unknown): SpanAttributes {
  const attributes = new Map<string, unknown>();
  if (Array.isArray(value)) {
    for (const item of value) {
      const pair = objectOf(item);
      if (pair !== null && typeof pair.key === 'string') attributes.set(pair.key, anyValue(pair.value, 0));
    }
    return attributes;
  }
  const record = objectOf(unpacked(value));
  if (record !== null) flatten(record, '', attributes, 0);
  return attributes;
}

function flatten(record: JsonRecord, prefix: string, into: Map<string, unknown>, depth: number): void {
  for (const [name, value] of Object.entries(record)) {
    const nested = depth < MAX_DEPTH ? objectOf(value) : null;
    into.set(prefix + name, value);
    if (nested !== null) flatten(nested, `${prefix}${name}.`, into, depth + 1);
  }
}

function anyValue(value: unknown, depth: number): unknown {
  const record = objectOf(value);
  if (record === null || depth > MAX_DEPTH) return value;
  if (record.stringValue !== undefined) return record.stringValue;
  if (record.intValue !== undefined) return Number(record.intValue);
  if (record.doubleValue !== undefined) return record.doubleValue;
  if (record.boolValue !== undefined) return record.boolValue;
  const list = objectOf(record.arrayValue);
  if (list !== null) return listOf(list.values).map((item) => anyValue(item, depth + 1));
  const members = objectOf(record.kvlistValue);
  if (members === null) return undefined;
  const object: Record<string, unknown> = {};
  for (const item of listOf(members.values)) {
    const pair = objectOf(item);
    // A member by this name would be no member but the object's own prototype.
    if (typeof pair?.key === 'string' && pair.key !== '__proto__') object[pair.key] = anyValue(pair.value, depth + 1);
  }
  return object;
}

/** The first of some attributes that is a text that says something. */
export function attributeText(attributes: SpanAttributes, names: readonly string[]): string | null {
  for (const name of names) {
    const text = textOf(attributes.get(name));
    if (text !== null) return text;
  }
  return null;
}

/** The first of some attributes that is a finite number, also one that is written as text. */
export function attributeNumber(attributes: SpanAttributes, names: readonly string[]): number | null {
  for (const name of names) {
    const value = attributes.get(name);
    if (value === undefined || value === null || value === '' || typeof value === 'object') continue;
    const number = Number(value);
    if (Number.isFinite(number)) return number;
  }
  return null;
}

/** The first of some attributes that holds a list, as it is or as JSON. */
export function attributeList(attributes: SpanAttributes, names: readonly string[]): readonly unknown[] {
  for (const name of names) {
    const value = unpacked(attributes.get(name));
    if (Array.isArray(value)) return value;
    const messages = objectOf(value)?.messages;
    if (Array.isArray(messages)) return messages;
  }
  return [];
}

/**
 * Elements that dialects spread over indexed attributes: of `gen_ai.prompt.0.role`, `gen_ai.prompt.0.content` the elements
 * {role, content}. `strip` is dropped from each name (`message.` of OpenInference). Members keep the rest of their name.
 */
export function indexedElements(attributes: SpanAttributes, prefix: string, strip = ''): readonly JsonRecord[] {
  const elements: Record<string, unknown>[] = [];
  for (const [name, value] of attributes) {
    if (!name.startsWith(prefix)) continue;
    const dot = name.indexOf('.', prefix.length);
    const index = dot < 0 ? Number.NaN : Number(name.slice(prefix.length, dot));
    if (!Number.isInteger(index) || index < 0 || index > 9_999) continue;
    const rest = name.slice(dot + 1);
    const member = rest.startsWith(strip) ? rest.slice(strip.length) : rest;
    const element = elements[index] ?? {};
    elements[index] = element;
    if (member !== '__proto__') element[member] = value;
  }
  return elements.filter((element) => element !== undefined);
}
