import { type Json, type Output, SmallfirstError } from '../core/index.ts';
import { compilePattern } from './contains.ts';
import { asText } from './exact.ts';
import { schemaCheck } from './json-schema.ts';
import { editDistance } from './similarity.ts';
import { type MetricName, metricNames, metrics } from './table.ts';
import type { Case, Metric, MetricOptions, Scored } from './types.ts';

/** A metric as people write it: `exact`, `not-contains:sorry`, `rouge-l(0.75)`, or an object whose `type` is any of these. */
export type MetricSpec = string | { readonly type: string; readonly [option: string]: unknown };

/** A metric with its options, ready to score. */
export interface BoundMetric {
  /** As it is written in reports: type, threshold and value. */
  readonly name: string;
  readonly type: MetricName;
  /** True when every score is 0 or 1: then McNemar's and Wilson's tests apply. */
  readonly binary: boolean;
  /** Pure. Throws INPUT_INVALID when the case has no expected answer and the metric needs one. */
  readonly score: (item: Case) => Scored;
}

const SHORTHAND = /^(not-)?([\w-]+)(?:\((\d*\.?\d+)\))?(?::([\s\S]+))?$/;

/** Reads a metric; throws CONFIG_INVALID with the nearest name when it is unknown, and on options that it cannot use. */
export function parseMetric(spec: MetricSpec): BoundMetric {
  const { negated, type, options } = typeof spec === 'string' ? parseShorthand(spec) : parseObject(spec);
  const row: Metric = metrics[type];
  checkValue(type, options.value);
  const { threshold } = options;
  return {
    name: nameOf(type, options, negated),
    type,
    binary: row.binary || threshold !== undefined,
    score: (item) => {
      checkCase(row, item, { type, value: options.value });
      const scored = row.score(item, options);
      const score = threshold === undefined ? scored.score : scored.score >= threshold ? 1 : 0;
      return { score: negated ? 1 - score : score, why: scored.why };
    },
  };
}

/** The metric of a task that names none: `exact` for labels, `json-fields` for JSON. Text has none that could be trusted. */
export function defaultMetric(output: Output): MetricName {
  switch (output.kind) {
    case 'label':
      return 'exact';
    case 'json':
      return 'json-fields';
    case 'text':
      throw new SmallfirstError(
        'CONFIG_INVALID',
        'A text task has no default metric. Name one (rouge-l, contains …) or a judge: metric: { judge: <model>, rubric: <file> }.',
      );
  }
}

interface ParsedSpec {
  readonly negated: boolean;
  readonly type: MetricName;
  readonly options: MetricOptions;
}

function parseShorthand(spec: string): ParsedSpec {
  const match = SHORTHAND.exec(spec.trim());
  if (!match) throw invalid(`${JSON.stringify(spec)} is not a metric. Write name, name(threshold) or name:value.`);
  const [, not, written, threshold, value] = match;
  const { negated, type } = named(`${not ?? ''}${written}`);
  return {
    negated,
    type,
    options: {
      ...(threshold === undefined ? {} : { threshold: numberOption(type, 'threshold', Number(threshold)) }),
      ...(value === undefined ? {} : { value: listOf(type, value) }),
    },
  };
}

/** In shorthand the metrics that take several texts read them between bars. */
function listOf(type: MetricName, value: string): Json {
  return type === 'contains-any' || type === 'contains-all' ? value.split('|').map((text) => text.trim()) : value;
}

function parseObject({ type, ...written }: { readonly type: string; readonly [option: string]: unknown }): ParsedSpec {
  const { negated, type: name, options } = parseShorthand(type);
  const { value = options.value, threshold = options.threshold, tolerance, ...unknown } = written;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined)
    throw invalid(`Metric ${name} has no option ${JSON.stringify(stranger)}; options are value, threshold and tolerance.`);
  return {
    negated,
    type: name,
    options: {
      ...(value === undefined ? {} : { value: value as Json }),
      ...(threshold === undefined ? {} : { threshold: numberOption(name, 'threshold', threshold) }),
      ...(tolerance === undefined ? {} : { tolerance: numberOption(name, 'tolerance', tolerance) }),
    },
  };
}

function numberOption(type: MetricName, option: 'threshold' | 'tolerance', value: unknown): number {
  if (typeof value === 'number' && value >= 0 && (option === 'tolerance' || value <= 1)) return value;
  throw invalid(`The ${option} of ${type} is a number ${option === 'threshold' ? 'between 0 and 1' : 'of at least 0'}.`);
}

function named(written: string): { readonly negated: boolean; readonly type: MetricName } {
  const negated = written.startsWith('not-');
  const type = negated ? written.slice(4) : written;
  if (isMetricName(type)) return { negated, type };
  if (type === 'judge') throw invalid('A judge is a model call, not a metric by name: write metric: { judge: <model>, rubric: <file> }.');
  const near = nearest(type);
  const known = near === null ? `Known are ${metricNames.join(', ')}.` : `Did you mean ${negated ? 'not-' : ''}${near}?`;
  throw invalid(`There is no metric ${JSON.stringify(written)}. ${known}`);
}

function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(metrics, name);
}

/** The name that people most likely meant, at most a third of it away; also promptfoo's and autoevals' names for the same thing. */
function nearest(written: string): MetricName | null {
  const folded = written.toLowerCase().replace(/[\s_]+/g, '-');
  const alias = ALIASES.get(folded);
  if (alias) return alias;
  let best: { readonly name: MetricName; readonly distance: number } | null = null;
  for (const name of metricNames) {
    const distance = editDistance(folded, name);
    if (best === null || distance < best.distance) best = { name, distance };
  }
  return best !== null && best.distance <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : null;
}

const ALIASES: ReadonlyMap<string, MetricName> = new Map([
  ['equals', 'exact'],
  ['exactmatch', 'exact'],
  ['exact-match', 'exact'],
  ['match', 'exact'],
  ['accuracy', 'exact'],
  ['f1', 'exact'],
  ['includes', 'icontains'],
  ['pattern', 'regex'],
  ['validjson', 'is-json'],
  ['json-schema', 'schema-valid'],
  ['jsondiff', 'json-fields'],
  ['numericdiff', 'numeric-diff'],
  ['rouge-n', 'rouge-1'],
  ['rouge', 'rouge-l'],
]);

/** Finds at once what would otherwise fail at the first row. */
function checkValue(type: MetricName, value: Json | undefined): void {
  if (value === undefined) return;
  if (type === 'regex') compilePattern(asText(value));
  if (type === 'schema-valid') schemaCheck(value);
}

function checkCase(row: Metric, item: Case, { type, value }: { readonly type: string; readonly value: Json | undefined }): void {
  const missing = item.expected === null && (row.needs === 'expected' || (row.needs === 'value' && value === undefined));
  // An expected null is a gold answer only where answers are JSON.
  if (missing && item.output.kind !== 'json')
    throw new SmallfirstError('INPUT_INVALID', `Metric ${type} needs an expected answer, and the row has none.`);
}

function nameOf(type: string, { threshold, value }: MetricOptions, negated: boolean): string {
  const shown = value === undefined ? '' : `:${typeof value === 'string' ? value : JSON.stringify(value)}`;
  return `${negated ? 'not-' : ''}${type}${threshold === undefined ? '' : `(${threshold})`}${shown}`;
}

function invalid(message: string): SmallfirstError {
  return new SmallfirstError('CONFIG_INVALID', message);
}
