import { type Json, SmallfirstError } from '../core/index.ts';
import { asText } from './exact.ts';
import type { Case, MetricOptions, Scored } from './types.ts';
import { excerpt } from './validate.ts';

/** 1 when the answer holds the text, upper and lower case told apart. */
export function contains(item: Case, options: MetricOptions): Scored {
  return found(item.answer.includes(wanted(item, options)), wanted(item, options));
}

/** The same whatever the case. */
export function icontains(item: Case, options: MetricOptions): Scored {
  const text = wanted(item, options);
  return found(item.answer.toLowerCase().includes(text.toLowerCase()), text);
}

/** 1 when the answer holds at least one of the texts. */
export function containsAny(item: Case, options: MetricOptions): Scored {
  const texts = wantedList(item, options);
  return found(
    texts.some((text) => item.answer.includes(text)),
    texts.join(' | '),
  );
}

/** The share of the texts that the answer holds. */
export function containsAll(item: Case, options: MetricOptions): Scored {
  const texts = wantedList(item, options);
  const missing = texts.filter((text) => !item.answer.includes(text));
  const score = texts.length === 0 ? 1 : (texts.length - missing.length) / texts.length;
  return { score, why: missing.length === 0 ? 'holds all' : `does not hold ${excerpt(missing.join(' | '))}` };
}

/** 1 when the answer, white space before it aside, starts with the text. */
export function startsWith(item: Case, options: MetricOptions): Scored {
  const text = wanted(item, options);
  const right = item.answer.trimStart().startsWith(text);
  return { score: right ? 1 : 0, why: right ? `starts with ${excerpt(text)}` : `does not start with ${excerpt(text)}` };
}

/** 1 when the pattern matches somewhere in the answer: `pattern` as it is, or `/pattern/flags`. */
export function regex(item: Case, options: MetricOptions): Scored {
  const pattern = wanted(item, options);
  const right = compilePattern(pattern).test(item.answer);
  return { score: right ? 1 : 0, why: right ? `matches ${pattern}` : `does not match ${pattern}` };
}

/** Reads a pattern; throws CONFIG_INVALID when it is not one. Flags that would make matching depend on earlier matches are dropped. */
export function compilePattern(pattern: string): RegExp {
  const literal = /^\/(.*)\/([a-z]*)$/su.exec(pattern);
  try {
    return new RegExp(literal?.[1] ?? pattern, (literal?.[2] ?? '').replace(/[gy]/g, ''));
  } catch (error) {
    throw new SmallfirstError('CONFIG_INVALID', `Not a regular expression: ${error instanceof Error ? error.message : pattern}`);
  }
}

function wanted(item: Case, options: MetricOptions): string {
  return asText(sought(item, options));
}

function wantedList(item: Case, options: MetricOptions): readonly string[] {
  const value = sought(item, options);
  return Array.isArray(value) ? (value as readonly Json[]).map(asText) : [asText(value)];
}

function sought(item: Case, options: MetricOptions): Json {
  return options.value ?? item.expected;
}

function found(right: boolean, text: string): Scored {
  return { score: right ? 1 : 0, why: right ? `holds ${excerpt(text)}` : `does not hold ${excerpt(text)}` };
}
