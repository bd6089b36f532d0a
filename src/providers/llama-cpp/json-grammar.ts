import type { Json } from '../../core/index.ts';
import { LEADING_SPACE, literal } from './gbnf.ts';

type Schema = Json | undefined;
type Members = { readonly [key: string]: Json | undefined };

/** Rules that every JSON grammar can use. White space is bounded: a small model may otherwise never stop writing it. */
const COMMON: Readonly<Record<string, string>> = {
  space: '| " " | "\\n" [ \\t]{0,20}',
  value: 'object | array | string | number | boolean | null',
  object: '"{" space (string space ":" space value (space "," space string space ":" space value)*)? space "}"',
  array: '"[" space (value (space "," space value)*)? space "]"',
  char: '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  string: '"\\"" char* "\\""',
  integer: '"-"? ("0" | [1-9] [0-9]{0,15})',
  number: 'integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?',
  boolean: '"true" | "false"',
  null: '"null"',
};

/** Deepest nesting of schemas that is followed; below it any value may stand. */
const MAX_DEPTH = 64;

/**
 * The grammar (GBNF) of JSON that fits a schema. It holds types, properties, `required`, `enum`, `const`, `anyOf`, `oneOf`, `allOf` of
 * objects, `items`, `prefixItems`, lengths and local `$ref`; an object with declared properties gets no others. What it does not hold
 * (`pattern`, `format`, bounds of numbers) is left to the check of the answer, as everywhere. Null allows any JSON value.
 */
export function jsonGrammar(schema: Json | null): string {
  const grammar = new JsonGrammar(schema ?? true);
  return grammar.text();
}

class JsonGrammar {
  readonly #root: Json;
  readonly #rules = new Map<string, string>();
  /** Rule names by the reference that they stand for: recursion ends at a name. */
  readonly #references = new Map<string, string>();

  constructor(root: Json) {
    this.#root = root;
  }

  text(): string {
    const root = this.#of(this.#root, 0);
    const lines = Object.entries(COMMON).map(([name, body]) => `${name} ::= ${body}`);
    for (const [name, body] of this.#rules) lines.push(`${name} ::= ${body}`);
    return `root ::= ${LEADING_SPACE} ${grouped(root)}\n${lines.join('\n')}\n`;
  }

  #of(schema: Schema, depth: number): string {
    const members = membersOf(schema);
    if (members === null || depth > MAX_DEPTH) return 'value';
    const { $ref, enum: values, anyOf, oneOf, allOf, type } = members;
    if (typeof $ref === 'string') return this.#reference($ref, depth);
    if (members.const !== undefined) return literal(JSON.stringify(members.const));
    if (Array.isArray(values) && values.length > 0) return any(values.map((value) => literal(JSON.stringify(value))));
    const choices = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : null;
    if (choices !== null && choices.length > 0) return any(choices.map((choice) => this.#of(choice, depth + 1)));
    if (Array.isArray(allOf) && allOf.length > 0) return this.#of(merged(allOf, members), depth + 1);
    if (Array.isArray(type)) return any(type.map((one) => this.#typed(String(one), members, depth)));
    return this.#typed(typeof type === 'string' ? type : impliedType(members), members, depth);
  }

  #typed(type: string, schema: Members, depth: number): string {
    switch (type) {
      case 'object':
        return this.#object(schema, depth);
      case 'array':
        return this.#array(schema, depth);
      case 'string':
        return schema.minLength === undefined && schema.maxLength === undefined
          ? 'string'
          : `"\\"" char${repeats(schema.minLength, schema.maxLength)} "\\""`;
      case 'integer':
      case 'number':
      case 'boolean':
      case 'null':
        return type;
      default:
        return 'value';
    }
  }

  #object(schema: Members, depth: number): string {
    const properties = Object.entries(membersOf(schema.properties) ?? {});
    if (properties.length === 0) {
      const additional = schema.additionalProperties;
      if (additional === false) return '"{" space "}"';
      if (membersOf(additional) === null) return 'object';
      const member = `string space ":" space ${grouped(this.#of(additional, depth + 1))}`;
      return `"{" space (${member} (space "," space ${member})*)? space "}"`;
    }
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    const members = properties.map(([name, value]) => ({
      text: `${literal(JSON.stringify(name))} space ":" space ${grouped(this.#of(value, depth + 1))}`,
      isRequired: required.has(name),
    }));
    return `"{" space ${this.#members(members)} space "}"`;
  }

  /** Members in the order of the schema. A comma stands between two, so that the first one that must be there carries the others. */
  #members(members: readonly { readonly text: string; readonly isRequired: boolean }[]): string {
    const anchor = members.findIndex(({ isRequired }) => isRequired);
    if (anchor >= 0) {
      const before = members.slice(0, anchor).map(({ text }) => `(${text} space "," space)?`);
      const after = members.slice(anchor + 1).map(({ text, isRequired }) => `(space "," space ${text})${isRequired ? '' : '?'}`);
      return [...before, members[anchor]?.text ?? '', ...after].join(' ');
    }
    // None must be there: whichever comes first carries those after it.
    const starts = members.map(({ text }, i) => [text, ...members.slice(i + 1).map((next) => `(space "," space ${next.text})?`)].join(' '));
    return `(${starts.map((start) => `(${start})`).join(' | ')})?`;
  }

  #array(schema: Members, depth: number): string {
    const { prefixItems, items, minItems, maxItems } = schema;
    if (Array.isArray(prefixItems) && prefixItems.length > 0) {
      return `"[" space ${prefixItems.map((item) => grouped(this.#of(item, depth + 1))).join(' space "," space ')} space "]"`;
    }
    const item = grouped(this.#of(items, depth + 1));
    const least = whole(minItems) ?? 0;
    const most = whole(maxItems);
    if (most === 0) return '"[" space "]"';
    const more = most === 1 ? '' : `(space "," space ${item})${repeats(Math.max(0, least - 1), most === null ? undefined : most - 1)}`;
    return `"[" space ${least === 0 ? `(${item} ${more})?` : `${item} ${more}`} space "]"`;
  }

  #reference(pointer: string, depth: number): string {
    const known = this.#references.get(pointer);
    if (known !== undefined) return known;
    if (!pointer.startsWith('#')) return 'value';
    const target = pointed(this.#root, pointer);
    if (target === undefined) return 'value';
    const name = `ref-${this.#references.size}`;
    this.#references.set(pointer, name);
    this.#rules.set(name, 'value');
    this.#rules.set(name, this.#of(target, depth + 1));
    return name;
  }
}

function any(choices: readonly string[]): string {
  return [...new Set(choices)].map(grouped).join(' | ');
}

function grouped(rule: string): string {
  return /^[a-z0-9-]+$/.test(rule) ? rule : `(${rule})`;
}

function membersOf(schema: Schema): Members | null {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema) ? (schema as Members) : null;
}

/** What a schema without a type is about. */
function impliedType(schema: Members): string {
  if (schema.properties !== undefined || schema.additionalProperties !== undefined) return 'object';
  if (schema.items !== undefined || schema.prefixItems !== undefined) return 'array';
  return 'value';
}

/** Several schemas of an object as one: all properties, and all that any of them requires. */
function merged(schemas: readonly Json[], own: Members): Json {
  const parts = [...schemas, own].map((schema) => membersOf(schema) ?? {});
  const { allOf: _allOf, ...rest } = Object.assign({}, ...parts) as Record<string, Json>;
  const properties = Object.assign({}, ...parts.map((part) => membersOf(part.properties) ?? {})) as Json;
  const required = parts.flatMap((part) => (Array.isArray(part.required) ? part.required : []));
  return Object.keys(properties as object).length === 0 ? rest : { ...rest, type: 'object', properties, required };
}

function pointed(root: Json, pointer: string): Json | undefined {
  let at: Json | undefined = root;
  for (const part of pointer.slice(1).split('/').filter(Boolean)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    at = Array.isArray(at) ? at[Number(key)] : membersOf(at)?.[key];
  }
  return at;
}

/** The engine unrolls counted repeats, so that long ones are left to the check of the answer. */
const MAX_REPEATS = 500;

function repeats(least: Schema, most: Schema): string {
  const from = Math.min(MAX_REPEATS, whole(least) ?? 0);
  const to = whole(most);
  if (to === null || to > MAX_REPEATS) return from === 0 ? '*' : `{${from},}`;
  return `{${from},${Math.max(from, to)}}`;
}

function whole(value: Schema): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : null;
}
