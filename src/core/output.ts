import type { Json } from './json.ts';

/** Whether a text is an answer of the declared kind, what it says, and why not when it is not. */
export interface Validation {
  readonly valid: boolean;
  /** The declared label, the parsed JSON, or the text itself; null when invalid. */
  readonly value: Json;
  /** Null when valid. */
  readonly why: string | null;
}

/** A text read as JSON. */
export type ParsedJson = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly why: string };

/**
 * Strict JSON, alone in the text; the only tolerance is one Markdown fence around all of it. Prose before or after makes it
 * invalid: a reader that picks the JSON out of a chat answer would pass answers that the caller's own parser then rejects.
 */
export function parseJsonAnswer(text: string): ParsedJson {
  const body = jsonBody(text);
  if (body === '') return { ok: false, why: 'the answer is empty' };
  try {
    return { ok: true, value: JSON.parse(body) as Json };
  } catch (error) {
    return { ok: false, why: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The part of a text that `parseJsonAnswer` reads: trimmed, without a fence around all of it. Linear in the text, whatever it holds. */
export function jsonBody(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('```') || !trimmed.endsWith('```')) return trimmed;
  const firstLine = trimmed.indexOf('\n');
  if (firstLine < 0 || !/^```(?:json)?\s*$/i.test(trimmed.slice(0, firstLine).trimEnd())) return trimmed;
  return trimmed.slice(firstLine + 1, -3).trim();
}

/**
 * The declared label that a text is, or null. Tolerated: case, white space around it, quotes, backticks, asterisks or brackets
 * around it, punctuation after it, and white space, `_` or `-` between its words. Nothing else: a label inside a sentence is not an
 * answer, because a sentence may name a label to deny it. Labels that differ only by what is tolerated must be written exactly.
 */
export function normaliseLabel(text: string, labels: readonly string[]): string | null {
  const { exact, folded } = labelIndex(labels);
  const trimmed = text.trim();
  if (exact.has(trimmed)) return trimmed;
  return folded.get(foldLabel(text)) ?? null;
}

/** The form in which labels are compared; see `normaliseLabel`. */
export function foldLabel(text: string): string {
  const folded = foldLabelStart(text);
  let end = folded.length;
  while (end > 0 && AFTER.has(folded[end - 1]!)) end -= 1;
  return folded.slice(0, end);
}

/** The same for a text that is not yet whole: what follows it is unknown, so its end is left as it is. */
export function foldLabelStart(text: string): string {
  return text.normalize('NFKC').replace(BEFORE, '').replace(BETWEEN, ' ').toLowerCase();
}

const BEFORE = /^[\s"'`*_([{«“‘„]+/u;
// A set and a loop, because `[…]+$` takes quadratic time on a long run in the middle of what a model wrote.
const AFTER: ReadonlySet<string> = new Set(' "\'`*)]}»”’“.,;:!?');
const BETWEEN = /[\s_-]+/gu;

interface LabelIndex {
  readonly exact: ReadonlySet<string>;
  /** Null where two labels fold to the same text. */
  readonly folded: ReadonlyMap<string, string | null>;
}

// A set of labels is asked for once per answer: folding 150 labels each time would cost more than the rest of scoring.
const indexes = new WeakMap<readonly string[], LabelIndex>();

function labelIndex(labels: readonly string[]): LabelIndex {
  const known = indexes.get(labels);
  if (known) return known;
  const folded = new Map<string, string | null>();
  for (const label of new Set(labels)) {
    const key = foldLabel(label);
    if (key !== '') folded.set(key, folded.has(key) ? null : label);
  }
  const index = { exact: new Set(labels), folded };
  indexes.set(labels, index);
  return index;
}
