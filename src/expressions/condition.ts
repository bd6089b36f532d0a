import { Environment } from '@marcbachmann/cel-js';
import type { ConditionScope, Reference, StepFacts } from './types.ts';

/** A `when` of a pipeline: one expression in CEL (Common Expression Language, github.com/google/cel-spec), checked once and evaluated often. */
export interface Condition {
  readonly source: string;
  /** Everything it reads, in order of appearance. */
  readonly references: readonly Reference[];
  /** Places that it compares with a text that is written out, by `==`, `!=` or `in`: `classify.label == "billing"`. */
  readonly comparisons: readonly Comparison[];
  /** Its value where it depends on nothing; null where it does. */
  readonly constant: boolean | null;
  /** Throws an Error where a value is not there or of the wrong type; the message is one line. */
  evaluate(scope: ConditionScope): boolean;
}

/** A place and a text that it is compared with. */
export interface Comparison {
  readonly reference: Reference;
  readonly value: string;
}

/** An expression over the same names that gives a list: what a step fans out over. */
export interface ListExpression {
  readonly source: string;
  readonly references: readonly Reference[];
  /** Throws an Error where it gives no list. */
  evaluate(scope: ConditionScope): readonly unknown[];
}

/** What is wrong with an expression, and where in its text. */
export interface ExpressionProblem {
  readonly message: string;
  /** Offset in the expression, from 0. */
  readonly at: number;
}

const LIMITS = { maxAstNodes: 2_000, maxDepth: 60, maxListElements: 500, maxMapEntries: 500, maxCallArguments: 32 };

/** What a step's outcome holds, as CEL sees it. */
const STEP_FIELDS = { output: 'dyn', confidence: 'double', threshold: 'double', label: 'dyn' } as const;

/** A condition, or what is wrong with it: syntax, names that no earlier step has, and types that cannot fit. */
export function parseCondition(source: string, steps: readonly string[]): Condition | ExpressionProblem {
  const parsed = parse(source, steps);
  if ('message' in parsed) return parsed;
  if (parsed.type !== 'bool' && parsed.type !== 'dyn') {
    return { message: `a condition must be true or false, and this one gives ${article(parsed.type)}`, at: 0 };
  }
  const evaluate = (scope: ConditionScope): boolean => {
    const value = parsed.run(scope);
    if (typeof value === 'boolean') return value;
    throw new Error(`the condition gave ${describe(value)} instead of true or false`);
  };
  const comparisons = comparisonsIn(parsed.ast);
  return {
    source,
    references: parsed.references,
    comparisons,
    constant: parsed.references.length === 0 ? constantOf(evaluate) : null,
    evaluate,
  };
}

/** A list expression, or what is wrong with it. */
export function parseListExpression(source: string, steps: readonly string[]): ListExpression | ExpressionProblem {
  const parsed = parse(source, steps);
  if ('message' in parsed) return parsed;
  if (parsed.type !== 'dyn' && !parsed.type.startsWith('list')) {
    return { message: `a step fans out over a list, and this expression gives ${article(parsed.type)}`, at: 0 };
  }
  return {
    source,
    references: parsed.references,
    evaluate: (scope) => {
      const value = parsed.run(scope);
      if (Array.isArray(value)) return value;
      throw new Error(`the expression gave ${describe(value)} instead of a list`);
    },
  };
}

interface Parsed {
  readonly type: string;
  readonly references: readonly Reference[];
  readonly ast: unknown;
  run(scope: ConditionScope): unknown;
}

function parse(source: string, steps: readonly string[]): Parsed | ExpressionProblem {
  const env = new Environment({ limits: LIMITS });
  env.registerVariable('request', 'map<string, dyn>');
  env.registerVariable('input', 'map<string, dyn>');
  for (const name of steps) env.registerVariable({ name, schema: STEP_FIELDS });
  const checked = env.check(source);
  if (!checked.valid) return problemOf(checked.error);
  const run = env.parse(source);
  return {
    type: String(checked.type),
    ast: run.ast,
    references: referencesIn(run.ast, new Set(['request', 'input', ...steps])),
    run: (scope) => {
      try {
        return run({ request: scope.request, input: scope.input, ...facts(steps, scope) });
      } catch (error) {
        throw new Error(firstLine(error), { cause: error });
      }
    },
  };
}

/** A step that did not run, or gave none, has confidence 0 and threshold 1: what nobody is sure of is never taken for sure. */
function facts(steps: readonly string[], scope: ConditionScope): Record<string, Required<StepFacts>> {
  const all: Record<string, Required<StepFacts>> = {};
  for (const name of steps) {
    const found = scope.steps[name];
    all[name] = {
      output: found?.output ?? null,
      label: found?.label ?? null,
      confidence: found?.confidence ?? 0,
      threshold: found?.threshold ?? 1,
    };
  }
  return all;
}

/** Every place that an expression reads, as far as it is written out: `['draft', 'confidence']`. Names that a macro binds are no places. */
function referencesIn(node: unknown, roots: ReadonlySet<string>): Reference[] {
  const path = pathOf(node);
  if (path !== null) return roots.has(String(path[0])) ? [path] : [];
  if (Array.isArray(node)) return node.flatMap((one) => referencesIn(one, roots));
  return typeof node === 'object' && node !== null ? referencesIn((node as { readonly args?: unknown }).args, roots) : [];
}

function comparisonsIn(node: unknown): Comparison[] {
  if (Array.isArray(node)) return node.flatMap(comparisonsIn);
  if (typeof node !== 'object' || node === null) return [];
  const { op, args } = node as { readonly op?: unknown; readonly args?: unknown };
  if ((op === '==' || op === '!=' || op === 'in') && Array.isArray(args)) {
    const found = [args, [args[1], args[0]]].flatMap(([place, literal]) => {
      const reference = pathOf(place);
      return reference === null ? [] : textsOf(literal).map((value) => ({ reference, value }));
    });
    if (found.length > 0) return found;
  }
  return comparisonsIn(args);
}

/** The texts of a literal, or of a list of them. */
function textsOf(node: unknown): string[] {
  const { op, args } = (node ?? {}) as { readonly op?: unknown; readonly args?: unknown };
  if (op === 'value') return typeof args === 'string' ? [args] : [];
  return op === 'list' && Array.isArray(args) ? args.flatMap(textsOf) : [];
}

/** A chain of names from a variable; null for anything else. */
function pathOf(node: unknown): Reference | null {
  if (typeof node !== 'object' || node === null) return null;
  const { op, args } = node as { readonly op?: unknown; readonly args?: unknown };
  if (op === 'id') return [String(args)];
  if (op !== '.' || !Array.isArray(args)) return null;
  const before = pathOf(args[0]);
  return before === null ? null : [...before, String(args[1])];
}

function constantOf(evaluate: (scope: ConditionScope) => boolean): boolean | null {
  try {
    return evaluate({ request: {}, input: {}, steps: {} });
  } catch {
    return null;
  }
}

function problemOf(error: unknown): ExpressionProblem {
  const range = (error as { readonly range?: { readonly start?: unknown } } | undefined)?.range;
  const message = firstLine(error);
  const key = /^No such key: (.*)$/.exec(message)?.[1];
  // Only steps have declared fields: everything else is known when it is there.
  const said = key === undefined ? message : `a step has no "${key}"; it has ${Object.keys(STEP_FIELDS).join(', ')}`;
  return { message: said, at: typeof range?.start === 'number' ? range.start : 0 };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

function article(type: string): string {
  return type === 'null' ? 'null' : `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return Array.isArray(value) ? 'a list' : article(typeof value);
}
