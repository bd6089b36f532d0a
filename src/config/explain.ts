import type { z } from 'zod';
import type { Problem } from './config-error.ts';
import { keysAt } from './schema.ts';
import type { Source } from './source.ts';
import { suggestion } from './suggest.ts';

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

interface Context {
  readonly schema: z.core.$ZodType;
  readonly source: Source;
  readonly value: unknown;
}

/** What the schema found, as problems with places and what to do. No message quotes a value: it may be a secret. */
export function explain(error: z.ZodError, schema: z.core.$ZodType, source: Source, value: unknown): readonly Problem[] {
  const context = { schema, source, value };
  return error.issues.flatMap((issue) => explainOne(issue, issue.path, context));
}

function explainOne(issue: Issue, path: Path, context: Context): readonly Problem[] {
  const { source, value } = context;
  const here = name(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        message: `${name([...path, key])} is not a key of this format.${suggestion(key, keysAt(context.schema, path))}`,
        position: source.at([...path, key], 'key'),
      }));
    case 'invalid_type':
      if (valueAt(value, path) === undefined) return [missing(path, source)];
      return [{ message: `${here} must be ${article(issue.expected)}.`, position: source.at(path) }];
    case 'invalid_value':
      if (valueAt(value, path) === undefined) return [missing(path, source)];
      return [{ message: `${here} must be one of: ${issue.values.map(String).join(', ')}.`, position: source.at(path) }];
    case 'too_small':
    case 'too_big':
      return [{ message: `${here} must be ${bound(issue)}.`, position: source.at(path) }];
    case 'invalid_format':
      return [{ message: `${here} must be ${format(issue.format)}.`, position: source.at(path) }];
    case 'invalid_key':
      return [
        {
          message: `${here} is not a name: use letters, digits and . _ : / -, beginning with a letter or digit.`,
          position: source.at(path, 'key'),
        },
      ];
    case 'invalid_union':
      return explainUnion(issue, path, context);
    case 'invalid_element':
    case 'not_multiple_of':
    case 'custom':
      return [{ message: `${here} is not valid here.`, position: source.at(path) }];
  }
}

/** Of a union's branches, the one that got deepest with the fewest mistakes is what was meant; when none got anywhere, what it may be is said. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, path: Path, context: Context): readonly Problem[] {
  const { source, value } = context;
  if (issue.errors.length === 0 && 'options' in issue) {
    if (valueAt(value, path) === undefined) return [missing(path, source)];
    return [
      { message: `${name(path)} must be one of: ${(issue.options as unknown[]).map(String).join(', ')}.`, position: source.at(path) },
    ];
  }
  const [inside] = issue.errors
    .filter((branch) => branch.every((inner) => inner.path.length > 0 || inner.code !== 'invalid_type'))
    .sort((a, b) => mistakes(a) - mistakes(b));
  if (inside) return inside.flatMap((inner) => explainOne(inner, [...path, ...inner.path], context));
  if (valueAt(value, path) === undefined) return [missing(path, source)];
  const kinds = issue.errors.flat().flatMap((inner) => (inner.code === 'invalid_type' ? [article(inner.expected)] : []));
  return [{ message: `${name(path)} must be ${[...new Set(kinds)].join(' or ')}.`, position: source.at(path) }];
}

/** How much a value would have to change: every stray key counts. */
function mistakes(branch: readonly Issue[]): number {
  return branch.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
}

function missing(path: Path, source: Source): Problem {
  const parent = path.slice(0, -1);
  return { message: `${name(parent)} lacks "${String(path.at(-1))}"; add it.`, position: source.heading(parent) };
}

function bound(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const [limit, direction] = issue.code === 'too_small' ? [issue.minimum, 'least'] : [issue.maximum, 'most'];
  if (issue.origin === 'string')
    return limit === 1 && direction === 'least' ? 'filled in, not empty' : `at ${direction} ${limit} characters long`;
  if (issue.origin === 'array') return `a list of at ${direction} ${limit}`;
  if (issue.inclusive !== false) return `at ${direction} ${limit}`;
  return issue.code === 'too_small' ? `above ${limit}` : `below ${limit}`;
}

const FORMATS: Readonly<Record<string, string>> = {
  url: 'a URL that begins with http:// or https://',
  safeint: 'a whole number',
  date: 'a day like 2026-10-01',
};

function format(name: string): string {
  return FORMATS[name] ?? 'in the format that docs/reference/config.md shows';
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: 'a text (in quotes, when it looks like a number)',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

function article(type: string): string {
  return ARTICLES[type] ?? type;
}

function name(path: Path): string {
  return path.length === 0 ? 'The file' : path.map(String).join('.');
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[segment];
  }
  return current ?? undefined;
}
