import type { Extras, Json } from '../../core/index.ts';
import { keepInputs, mayHoldInputs } from './tool-input.ts';
import type { JsonObject } from './types.ts';

/** A client's body that is not a request. `path` says where (`messages[0].content`), '' for the body itself. Rendered as 400. */
export class MalformedRequest extends Error {
  readonly status = 400;
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.name = 'MalformedRequest';
    this.path = path;
  }
}

/** Nesting that no request needs; what recurses behind us stays far from its limit. */
export const MAX_DEPTH = 512;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses a request body. Throws MalformedRequest for an empty one, invalid UTF-8 or JSON, and nesting above MAX_DEPTH. */
export function parseBody(bytes: Uint8Array): Json {
  let text: string;
  try {
    text = strictUtf8.decode(bytes);
  } catch {
    throw new MalformedRequest('', 'The body is not valid UTF-8.');
  }
  if (text.trim() === '') throw new MalformedRequest('', 'The body is empty.');
  checkDepth(bytes);
  const parsed = parseJson(text);
  if (parsed === undefined) throw new MalformedRequest('', 'The body is not valid JSON.');
  return parsed;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counts brackets outside strings, before anything that recurses sees the value. */
function checkDepth(bytes: Uint8Array): void {
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) i = stringEnd(bytes, i + 1);
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > MAX_DEPTH) throw new MalformedRequest('', `The body is nested deeper than ${MAX_DEPTH} levels.`);
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
}

/** Where the string whose text begins at `start` is closed; the length when it never is. */
function stringEnd(bytes: Uint8Array, start: number): number {
  let i = start;
  // Most strings are short, where a loop is faster; the few that hold megabytes are searched natively.
  for (const soon = start + 64; i < soon && i < bytes.length; i++) {
    if (bytes[i] === QUOTE) return i;
    if (bytes[i] === BACKSLASH) i++;
  }
  for (;;) {
    const quote = bytes.indexOf(QUOTE, i);
    if (quote === -1) return bytes.length;
    let escapes = 0;
    while (quote - escapes > i && bytes[quote - escapes - 1] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return quote;
    i = quote + 1;
  }
}

/** Whether it is a JSON object (not null, not a list). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it is a JSON list. */
export function isList(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** JSON text as a value, undefined when it is not JSON. `inputText` knows how the inputs of tools in it were written. */
export function parseJson(text: string): Json | undefined {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
  if (mayHoldInputs(text)) keepInputs(parsed, Buffer.from(text));
  return parsed;
}

/** What a value is, in words for an error message. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}

/** The value as an object, or MalformedRequest. */
export function asObject(value: unknown, path: string): JsonObject {
  if (isObject(value)) return value;
  throw new MalformedRequest(path, `${path || 'The body'} must be an object, not ${kindOf(value)}.`);
}

/** The value as a list, or MalformedRequest. */
export function asList(value: unknown, path: string): readonly Json[] {
  if (isList(value)) return value;
  throw new MalformedRequest(path, `${path} must be an array, not ${kindOf(value)}.`);
}

/** The value as a string, or MalformedRequest. */
export function asString(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw new MalformedRequest(path, `${path} must be a string, not ${kindOf(value)}.`);
}

/** A string member; undefined when it is absent or null. */
export function optionalString(from: JsonObject, key: string, path: string): string | undefined {
  const value = from[key];
  return value === undefined || value === null ? undefined : asString(value, join(path, key));
}

/** A number member; undefined when it is absent or null. */
export function optionalNumber(from: JsonObject, key: string, path: string): number | undefined {
  const value = from[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return value;
  throw new MalformedRequest(join(path, key), `${join(path, key)} must be a number, not ${kindOf(value)}.`);
}

/** A whole, non-negative number member; undefined when it is absent or null. */
export function optionalCount(from: JsonObject, key: string, path: string): number | undefined {
  const value = optionalNumber(from, key, path);
  if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw new MalformedRequest(join(path, key), `${join(path, key)} must be a whole number of at least 0.`);
}

/** A boolean member; undefined when it is absent or null. */
export function optionalBoolean(from: JsonObject, key: string, path: string): boolean | undefined {
  const value = from[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  throw new MalformedRequest(join(path, key), `${join(path, key)} must be a boolean, not ${kindOf(value)}.`);
}

/** The model's name: every request must carry one. */
export function modelName(body: JsonObject): string {
  const model = asString(body.model, 'model');
  if (model === '') throw new MalformedRequest('model', 'model must not be empty.');
  return model;
}

/** One string or several, as `stop` members allow; undefined when there is none. */
export function optionalStrings(from: JsonObject, key: string): readonly string[] | undefined {
  const value = from[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return [value];
  return asList(value, key).map((item, i) => asString(item, `${key}[${i}]`));
}

/** The string members of `metadata`; others are left to the protocol itself. */
export function stringMetadata(body: JsonObject): Record<string, string> {
  const value = body.metadata;
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** `a.b`, or `b` at the top. */
export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** What of `object` is not in `known`, as members of `protocol`; as an object to spread, empty when there is nothing. */
export function extrasOf(protocol: string, object: JsonObject, known: ReadonlySet<string>): { readonly extras?: Extras } {
  let members: [string, Json][] | null = null;
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (known.has(key) || value === undefined) continue;
    members ??= [];
    members.push([key, value]);
  }
  // fromEntries defines members, so that a member called __proto__ stays a member.
  return members === null ? {} : { extras: { protocol, members: Object.fromEntries(members) } };
}

const NOTHING: JsonObject = {};

/** The extra members to spread into what is written to `protocol`. */
export function membersFor(protocol: string, extras: Extras | undefined): JsonObject {
  return extras !== undefined && extras.protocol === protocol ? extras.members : NOTHING;
}
