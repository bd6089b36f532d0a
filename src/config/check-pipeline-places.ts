import type { Json, Output } from '../core/index.ts';
import { parseCondition, parseListExpression, parseTemplate, type Reference } from '../expressions/index.ts';
import type { RawStep } from './pipeline-schema.ts';

/** A step that has run before: what it gives, null where that is not known. */
export interface Seen {
  readonly output: Output | null;
  /** It fans out, so its output is a list. */
  readonly isList: boolean;
}

/** Where an expression stands. */
export interface Standing {
  /** Steps whose outcomes can be read there. */
  readonly seen: ReadonlyMap<string, Seen>;
  /** Every step of the pipeline. */
  readonly all: ReadonlyMap<string, RawStep>;
  /** `item` and `index` are there. */
  readonly isEach: boolean;
}

const FIELDS = new Set(['output', 'confidence', 'threshold', 'label']);

/** What is wrong with a place that an expression reads; `later` for a step that has not run there, null for a good one. */
export function placeProblem(reference: Reference, { seen, all, isEach }: Standing): string | null {
  const [root = '', field, key] = reference;
  if (root === 'request' || root === 'input') return null;
  if (root === 'item' || root === 'index') return isEach ? null : `"${root}" is there only in the input of a step with forEach.`;
  const step = seen.get(String(root));
  if (step === undefined) return all.has(String(root)) ? 'later' : `"${root}" is no step of this pipeline.`;
  if (field === undefined) return `"${root}" is a whole step; name what of it: output, confidence, threshold or label.`;
  if (!FIELDS.has(String(field))) return `a step has no "${field}"; it has ${[...FIELDS].join(', ')}.`;
  const { output } = step;
  if (output === null) return null;
  if (field === 'label') {
    return output.kind === 'label' && !step.isList
      ? null
      : `${root}.label is always empty: ${root} gives ${kindOf(step)}; use ${root}.output.`;
  }
  return field === 'output' && key !== undefined ? keyProblem(String(root), key, step) : null;
}

function kindOf({ output, isList }: Seen): string {
  return isList ? 'a list' : output?.kind === 'json' ? 'JSON' : `a ${output?.kind ?? 'value'}`;
}

/** What every list has in templates and conditions. */
const OF_LISTS = new Set(['size', 'first', 'last']);

function keyProblem(root: string, key: string | number, step: Seen): string | null {
  if (step.isList) return typeof key === 'number' || OF_LISTS.has(key) ? null : `${root}.output is a list, which has no "${key}".`;
  if (step.output?.kind !== 'json') return key === 'size' ? null : `${root}.output is ${kindOf(step)}, which has no "${key}".`;
  const known = propertiesOf(step.output.schema);
  if (known === null || typeof key === 'number' || known.includes(key) || OF_LISTS.has(key)) return null;
  return `${root}.output has no "${key}"; its schema has ${known.join(', ')}.`;
}

/** The properties of an object's schema; null where others are possible. */
function propertiesOf(schema: Json): readonly string[] | null {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return null;
  const { properties, additionalProperties } = schema as { readonly properties?: Json; readonly additionalProperties?: Json };
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) return null;
  return additionalProperties === undefined || additionalProperties === false ? Object.keys(properties) : null;
}

/** The way from a step through what it reads back to itself, its own name at both ends; null without one. */
export function cycleIn(all: ReadonlyMap<string, RawStep>, from: string | null, to: string): readonly string[] | null {
  if (from === null) return null;
  const walk = (name: string, way: readonly string[]): readonly string[] | null => {
    if (name === from) return [...way, name];
    if (way.includes(name)) return null;
    const step = all.get(name);
    if (step === undefined) return null;
    for (const next of readsOf(step, [...all.keys()])) {
      const found = walk(next, [...way, name]);
      if (found !== null) return found;
    }
    return null;
  };
  return walk(to, [from]);
}

/** The steps that a step reads. */
function readsOf(step: RawStep, names: readonly string[]): ReadonlySet<string> {
  const texts = typeof step.input === 'string' ? [step.input] : Object.values(step.input ?? {});
  const parsed = [
    ...(step.when === undefined ? [] : [parseCondition(step.when, names)]),
    ...(step.forEach === undefined ? [] : [parseListExpression(step.forEach, names)]),
    ...texts.map(parseTemplate),
  ];
  return new Set(parsed.flatMap((one) => ('message' in one ? [] : one.references.map(([root]) => String(root)))));
}
