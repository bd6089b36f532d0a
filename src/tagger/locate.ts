import type { TokenReader } from './tokens.ts';
import { daysOf, numberOf } from './value-forms.ts';

/** Tokens [from, to) of a text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Values of so many letters and digits on are also looked for with misread characters; at most one in six may differ. */
const FUZZY_LENGTH = 9;
const FUZZY_SHARE = 1 / 6;
/** A day written out has at most so many tokens ("25", "th", "of", "December", ",", "2018"). */
const DAY_TOKENS = 6;

/** Letters and digits of a text in lower case, with the token that each belongs to. */
export interface FlatText {
  readonly codes: string;
  readonly tokenOf: readonly number[];
}

/** Flattens a text once, for all its values. */
export function flatten(tokens: TokenReader): FlatText {
  const tokenOf: number[] = [];
  let codes = '';
  for (let i = 0; i < tokens.size; i += 1) {
    for (const character of plainOf(tokens.text.slice(tokens.starts[i]!, tokens.ends[i]!))) {
      codes += character;
      for (let unit = 0; unit < character.length; unit += 1) tokenOf.push(i);
    }
  }
  return { codes, tokenOf };
}

/**
 * Where a value stands in a text, by the first of these rules that finds it: letter by letter; the same letters and digits
 * whatever the case, spaces and marks; the same number or day in another writing; a long value with a few misread characters.
 * Only whole tokens count: 33.90 is not found in 133.90.
 */
export function locate(tokens: TokenReader, flat: FlatText, value: string): readonly Span[] {
  const exact = exactSpans(tokens, value.trim());
  if (exact.length > 0) return exact;
  const plain = plainOf(value);
  if (plain === '') return [];
  const same = plainSpans(tokens, flat, plain, value);
  if (same.length > 0) return same;
  const written = writtenSpans(tokens, value);
  if (written.length > 0 || plain.length < FUZZY_LENGTH) return written;
  return fuzzySpan(flat, plain);
}

function plainOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

function exactSpans(tokens: TokenReader, value: string): Span[] {
  const spans: Span[] = [];
  if (value === '') return spans;
  const { text, starts, ends, size } = tokens;
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
    const from = indexIn(starts, size, at);
    const to = indexIn(ends, size, at + value.length);
    if (from >= 0 && to >= from) spans.push({ from, to: to + 1 });
  }
  return spans;
}

function plainSpans(tokens: TokenReader, flat: FlatText, plain: string, value: string): Span[] {
  const spans: Span[] = [];
  const trailing = /[^\p{L}\p{N}\s]+$/u.exec(value.trim())?.[0] ?? '';
  for (let at = flat.codes.indexOf(plain); at >= 0; at = flat.codes.indexOf(plain, at + 1)) {
    const end = at + plain.length;
    const from = flat.tokenOf[at]!;
    let to = flat.tokenOf[end - 1]! + 1;
    if (at > 0 && flat.tokenOf[at - 1] === from) continue;
    if (end < flat.tokenOf.length && flat.tokenOf[end] === to - 1) continue;
    for (const mark of trailing) if (to < tokens.size && tokens.text.slice(tokens.starts[to]!, tokens.ends[to]!) === mark) to += 1;
    spans.push({ from, to });
  }
  return spans;
}

/** The same number in one token, or the same day in a few. */
function writtenSpans(tokens: TokenReader, value: string): Span[] {
  const spans: Span[] = [];
  const { text, starts, ends, size } = tokens;
  const number = numberOf(value);
  if (number !== null)
    for (let i = 0; i < size; i += 1) if (numberOf(text.slice(starts[i]!, ends[i]!)) === number) spans.push({ from: i, to: i + 1 });
  if (spans.length > 0) return spans;
  const days = daysOf(value);
  if (days.length === 0) return spans;
  const wanted = days[0]!;
  for (let i = 0; i < size; i += 1)
    for (let length = 1; length <= DAY_TOKENS && i + length <= size; length += 1) {
      const found = daysOf(text.slice(starts[i]!, ends[i + length - 1]!));
      if (found.some((day) => day.year === wanted.year && day.month === wanted.month && day.day === wanted.day))
        spans.push({ from: i, to: i + length });
    }
  return spans;
}

/** The passage with the fewest differing characters (Sellers 1980), widened to whole tokens; none when too many differ. */
function fuzzySpan(flat: FlatText, plain: string): Span[] {
  const columns = flat.codes.length;
  let costs = new Int32Array(columns + 1);
  let origins = Int32Array.from({ length: columns + 1 }, (_, at) => at);
  for (let row = 1; row <= plain.length; row += 1) {
    const next = new Int32Array(columns + 1);
    const from = new Int32Array(columns + 1);
    next[0] = row;
    for (let column = 1; column <= columns; column += 1) {
      const swap = costs[column - 1]! + (plain[row - 1] === flat.codes[column - 1] ? 0 : 1);
      const skip = costs[column]! + 1;
      const insert = next[column - 1]! + 1;
      if (swap <= skip && swap <= insert) {
        next[column] = swap;
        from[column] = origins[column - 1]!;
      } else if (skip <= insert) {
        next[column] = skip;
        from[column] = origins[column]!;
      } else {
        next[column] = insert;
        from[column] = from[column - 1]!;
      }
    }
    costs = next;
    origins = from;
  }
  let best = 0;
  for (let column = 1; column <= columns; column += 1) if (costs[column]! < costs[best]!) best = column;
  const start = origins[best]!;
  if (costs[best]! > plain.length * FUZZY_SHARE || best <= start) return [];
  return [{ from: flat.tokenOf[start]!, to: flat.tokenOf[best - 1]! + 1 }];
}

function indexIn(sorted: Int32Array, size: number, wanted: number): number {
  let low = 0;
  let high = size - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] === wanted) return middle;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
