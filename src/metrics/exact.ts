import { canonicalJson, foldLabel, type Json, normaliseLabel, parseJsonAnswer } from '../core/index.ts';
import { normalText } from './normal-text.ts';
import type { Case, Scored } from './types.ts';
import { excerpt, validateOutput } from './validate.ts';

/**
 * 1 when the answer is the expected one: labels as `normaliseLabel` reads them, JSON by value, text by `normalText`. An expected label
 * that is not declared counts as wrong whatever the answer.
 */
export function exact({ answer, expected, output }: Case): Scored {
  if (output.kind === 'label') return exactLabel(answer, expected, output.labels);
  if (output.kind === 'json') {
    const parsed = parseJsonAnswer(answer);
    if (!parsed.ok) return { score: 0, why: parsed.why };
    return verdict(canonicalJson(parsed.value) === canonicalJson(expected), excerpt(answer), expected);
  }
  return verdict(normalText(answer) === normalText(asText(expected)), excerpt(answer), expected);
}

function exactLabel(answer: string, expected: Json, labels: readonly string[]): Scored {
  const label = normaliseLabel(answer, labels);
  const gold = normaliseLabel(asText(expected), labels);
  if (gold === null) return { score: 0, why: `the expected label ${JSON.stringify(expected)} is not declared` };
  if (label === null) return { score: 0, why: `not one of the ${labels.length} labels: ${excerpt(answer)}` };
  return verdict(label === gold, label, gold);
}

/** 1 when the answer, folded like a label, is the expected label folded the same way; the declared labels play no part. */
export function label({ answer, expected }: Case): Scored {
  const folded = foldLabel(answer);
  return verdict(folded !== '' && folded === foldLabel(asText(expected)), excerpt(answer), expected);
}

/** 1 when the answer is of the declared kind, right or wrong. */
export function valid({ answer, output }: Case): Scored {
  const { valid: ok, why } = validateOutput(answer, output);
  return ok ? { score: 1, why: `a valid ${output.kind}` } : { score: 0, why: why ?? 'invalid' };
}

/** What stands for a value in text: strings as they are, everything else as JSON. */
export function asText(value: Json): string {
  return typeof value === 'string' ? value : canonicalJson(value);
}

function verdict(right: boolean, got: string, expected: Json): Scored {
  return right ? { score: 1, why: 'equal' } : { score: 0, why: `${got}, expected ${excerpt(asText(expected))}` };
}
