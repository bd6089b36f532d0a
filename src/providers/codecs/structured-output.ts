import type { Json, Message } from '../../core/index.ts';
import { isList, isObject } from './shape.ts';
import type { JsonObject } from './types.ts';

/** The tool that stands in for structured output where an upstream has none of its own. */
export const STRUCTURED_TOOL = 'give_answer';

/** Words that ask for JSON of a schema, for upstreams that cannot be held to one. */
export function schemaInstruction(schema: Json): Message {
  const text = `Answer with one JSON value that fits this JSON Schema, and with nothing else:\n${JSON.stringify(schema)}`;
  return { role: 'system', content: [{ type: 'text', text }] };
}

/** Words that ask for any JSON object. */
export const JSON_INSTRUCTION = 'Answer with one JSON object, and with nothing else.';

/** Keywords that Anthropic's structured output accepts; what else constrains is told to the model in the description. */
const supported: ReadonlySet<string> = new Set([
  '$defs',
  '$ref',
  'additionalProperties',
  'allOf',
  'anyOf',
  'const',
  'definitions',
  'default',
  'description',
  'enum',
  'items',
  'properties',
  'required',
  'title',
  'type',
]);
const stringFormats: ReadonlySet<unknown> = new Set([
  'date-time',
  'time',
  'date',
  'duration',
  'email',
  'hostname',
  'uri',
  'ipv4',
  'ipv6',
  'uuid',
]);

/**
 * A schema as Anthropic's `output_config.format` takes it: objects closed, `oneOf` as `anyOf`, and limits that it refuses
 * (`minimum`, `maxLength` …) said in words. Schemas come through parseBody, so their nesting is bounded.
 */
export function anthropicSchema(schema: Json): Json {
  if (!isObject(schema)) return schema;
  const members: [string, Json][] = [];
  const told: string[] = [];
  for (const [key, value] of Object.entries(schema)) {
    if (value === undefined || key === '$schema') continue;
    if (key === 'oneOf' && isList(value) && schema.anyOf === undefined) members.push(['anyOf', value.map(anthropicSchema)]);
    else if ((key === 'anyOf' || key === 'allOf') && isList(value)) members.push([key, value.map(anthropicSchema)]);
    else if ((key === 'properties' || key === '$defs' || key === 'definitions') && isObject(value)) members.push([key, eachMember(value)]);
    else if (key === 'items') members.push([key, anthropicSchema(value)]);
    else if (supported.has(key) || (key === 'format' && stringFormats.has(value)) || (key === 'minItems' && (value === 0 || value === 1)))
      members.push([key, value]);
    else told.push(`${key}: ${JSON.stringify(value)}`);
  }
  const result: Record<string, Json> = Object.fromEntries(members);
  if (schema.type === 'object' || isObject(schema.properties)) result.additionalProperties = false;
  if (told.length > 0) {
    const description = typeof schema.description === 'string' ? `${schema.description}\n\n` : '';
    result.description = `${description}{${told.join(', ')}}`;
  }
  return result;
}

function eachMember(schemas: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, anthropicSchema(schema ?? null)]));
}
