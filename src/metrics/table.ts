import { type Json, parseJsonAnswer } from '../core/index.ts';
import { contains, containsAll, containsAny, icontains, regex, startsWith } from './contains.ts';
import { exact, label, valid } from './exact.ts';
import { jsonFields } from './json-fields.ts';
import { schemaCheck } from './json-schema.ts';
import { numeric, numericDiff } from './numeric.ts';
import { levenshtein, rouge1, rouge2, rougeL } from './similarity.ts';
import type { Case, Metric, MetricOptions, Scored } from './types.ts';

/** Every metric by name. Adding one is a function and a row. */
export const metrics = {
  exact: { summary: 'equals the expected answer, by the output kind', binary: true, needs: 'expected', score: exact },
  label: { summary: 'is the expected label, declared or not', binary: true, needs: 'expected', score: label },
  valid: { summary: 'is of the declared kind: a label, JSON of the schema, text', binary: true, needs: 'nothing', score: valid },
  contains: { summary: 'holds a text', binary: true, needs: 'value', score: contains },
  icontains: { summary: 'holds a text, whatever the case', binary: true, needs: 'value', score: icontains },
  'contains-any': { summary: 'holds one of some texts', binary: true, needs: 'value', score: containsAny },
  'contains-all': { summary: 'share of some texts that it holds', binary: false, needs: 'value', score: containsAll },
  'starts-with': { summary: 'starts with a text', binary: true, needs: 'value', score: startsWith },
  regex: { summary: 'matches a pattern', binary: true, needs: 'value', score: regex },
  'is-json': { summary: 'is JSON', binary: true, needs: 'nothing', score: isJson },
  'schema-valid': { summary: 'is JSON that its schema allows', binary: true, needs: 'nothing', score: schemaValid },
  'json-fields': { summary: 'share of JSON fields that match', binary: false, needs: 'expected', score: jsonFields },
  numeric: { summary: 'its number equals the expected one', binary: true, needs: 'value', score: numeric },
  'numeric-diff': { summary: '1 − |a − b| / (|a| + |b|)', binary: false, needs: 'value', score: numericDiff },
  levenshtein: { summary: '1 − edits / length', binary: false, needs: 'value', score: levenshtein },
  'rouge-1': { summary: 'F1 of shared words', binary: false, needs: 'value', score: rouge1 },
  'rouge-2': { summary: 'F1 of shared word pairs', binary: false, needs: 'value', score: rouge2 },
  'rouge-l': { summary: 'F1 of the longest common subsequence of words', binary: false, needs: 'value', score: rougeL },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;

/** Names of all metrics, in the order of the table. */
export const metricNames = Object.keys(metrics) as readonly MetricName[];

function isJson({ answer }: Case): Scored {
  const parsed = parseJsonAnswer(answer);
  return parsed.ok ? { score: 1, why: 'JSON' } : { score: 0, why: parsed.why };
}

/** The schema is the option `value`, or the output's own; without either every JSON is valid. */
function schemaValid({ answer, output }: Case, options: MetricOptions): Scored {
  const parsed = parseJsonAnswer(answer);
  if (!parsed.ok) return { score: 0, why: parsed.why };
  const schema: Json = options.value ?? (output.kind === 'json' ? output.schema : true);
  const problem = schemaCheck(schema)(parsed.value);
  return problem === null ? { score: 1, why: 'the schema allows it' } : { score: 0, why: problem };
}
