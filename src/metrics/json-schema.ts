import { createRequire } from 'node:module';
import type { Ajv2020 } from 'ajv/dist/2020.js';
import { type Json, SmallfirstError } from '../core/index.ts';

/** Says what is wrong with a value, or null when the schema allows it. */
export type SchemaCheck = (value: Json) => string | null;

type Dialect = new (options: object) => Pick<Ajv2020, 'compile' | 'errorsText'>;

// Loaded on use: most commands never validate JSON, and the validator takes longer to load than to run.
const load = createRequire(import.meta.url);

const compiled = new WeakMap<object, SchemaCheck>();

/**
 * Compiles a JSON Schema (draft 2020-12 and 2019-09; draft 7 and 6 when `$schema` says so), once for each schema object. `format` is
 * not checked, unknown keywords are ignored, remote references are refused. Throws CONFIG_INVALID when it is not a schema.
 */
export function schemaCheck(schema: Json): SchemaCheck {
  if (schema === true) return () => null;
  if (schema === false) return () => 'the schema allows nothing';
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema)) throw invalidSchema('a JSON Schema is an object');
  const known = compiled.get(schema);
  if (known) return known;
  const check = compile(schema as { readonly [key: string]: Json | undefined });
  compiled.set(schema, check);
  return check;
}

function compile(schema: { readonly [key: string]: Json | undefined }): SchemaCheck {
  const { $schema: declared, ...rest } = schema;
  const ajv = new (dialectOf(declared))({ strict: false, logger: false, validateFormats: false, allErrors: false });
  try {
    const validate = ajv.compile(rest);
    return (value) => (validate(value) === true ? null : ajv.errorsText(validate.errors, { dataVar: 'answer' }));
  } catch (error) {
    throw invalidSchema(error instanceof Error ? error.message : String(error));
  }
}

function dialectOf(declared: Json | undefined): Dialect {
  if (declared !== undefined && typeof declared !== 'string') throw invalidSchema('$schema is the address of a dialect');
  if (declared?.includes('draft-04') || declared?.includes('draft-03'))
    throw invalidSchema(`the dialect ${declared} is too old; use draft 2020-12`);
  if (declared?.includes('draft-07') || declared?.includes('draft-06')) return (load('ajv') as { readonly Ajv: Dialect }).Ajv;
  return (load('ajv/dist/2020.js') as { readonly Ajv2020: Dialect }).Ajv2020;
}

function invalidSchema(message: string): SmallfirstError {
  return new SmallfirstError('CONFIG_INVALID', `Not a usable JSON Schema: ${message}`);
}
