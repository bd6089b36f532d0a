import type { Json } from '../core/index.ts';
import type { Case, MetricOptions, Scored } from './types.ts';

/** Relative difference below which two numbers are equal unless told otherwise: room for rounding, none for mistakes. */
const TOLERANCE = 1e-6;

// A unit may follow at once (5kg); a number inside a name is none (A4, v1.2.3). Thousands may be grouped by commas; a comma is never a decimal sign.
const NUMBER = /(?<![\w.]|\d,)[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\d_]|[.,]\d)/gu;

/** 1 when the answer's number equals the expected one within the tolerance. Of several numbers the last is the answer, as in GSM8K. */
export function numeric(item: Case, options: MetricOptions): Scored {
  const { got, wanted, why } = numbers(item, options);
  if (got === null || wanted === null) return { score: 0, why };
  return { score: sameNumber(got, wanted, options.tolerance) ? 1 : 0, why };
}

/** 1 − |a − b| / (|a| + |b|) between the answer's number and the expected one (autoevals' NumericDiff). */
export function numericDiff(item: Case, options: MetricOptions): Scored {
  const { got, wanted, why } = numbers(item, options);
  if (got === null || wanted === null) return { score: 0, why };
  return { score: got === wanted ? 1 : Math.max(0, 1 - Math.abs(got - wanted) / (Math.abs(got) + Math.abs(wanted))), why };
}

function numbers(item: Case, options: MetricOptions) {
  const got = lastNumber(item.answer);
  const wanted = asNumber(options.value ?? item.expected);
  if (got === null) return { got, wanted, why: 'the answer holds no number' };
  if (wanted === null) return { got, wanted, why: 'the expected answer holds no number' };
  return { got, wanted, why: `${got}, expected ${wanted}` };
}

/** The last number that stands in a text, or null. */
export function lastNumber(text: string): number | null {
  let last: number | null = null;
  for (const [match] of text.matchAll(NUMBER)) if (/\d/.test(match)) last = Number(match.replace(/,/g, '').replace('−', '-'));
  return last !== null && Number.isFinite(last) ? last : null;
}

function asNumber(value: Json): number | null {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? lastNumber(value) : null;
}

/** Whether two numbers differ by at most the tolerance times the larger of them. */
export function sameNumber(a: number, b: number, tolerance = TOLERANCE): boolean {
  return a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
