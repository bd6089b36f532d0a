import { flatten, locate, type Span } from './locate.ts';
import { TokenReader } from './tokens.ts';
import type { ExtractionRow } from './types.ts';

/** A value of a span field and every place where it stands; more than one when the text repeats it. */
export interface LocatedValue {
  readonly field: number;
  readonly value: string;
  readonly spans: readonly Span[];
}

/** A row whose values were looked for in its text. */
export interface LocatedRow {
  readonly text: string;
  readonly tokens: number;
  /** Values of span fields, numbered as in the schema. */
  readonly values: readonly LocatedValue[];
  /** Value of each choice field, numbered as in the schema; empty where the row has none. */
  readonly choices: readonly string[];
  /** Whether every value of a span field stands in the text: only such rows teach tags. */
  readonly complete: boolean;
}

/** The fields that rows have: those that stand in the text, and those chosen from a list. */
export interface FieldKinds {
  readonly spanFields: readonly string[];
  readonly choiceFields: readonly string[];
}

/** A field whose values stand in the text less often than this is a choice. */
const SPAN_SHARE = 0.5;

/** Looks for every value in its text, and tells by what it finds which fields are passages and which are choices. */
export function* locateRows(
  rows: readonly ExtractionRow[],
  onDone: (done: number) => void,
): Generator<void, { readonly kinds: FieldKinds; readonly located: readonly LocatedRow[] }> {
  const tokens = new TokenReader();
  const found: (readonly { readonly name: string; readonly value: string; readonly spans: readonly Span[] }[])[] = [];
  const sizes: number[] = [];
  const counts = new Map<string, { all: number; inText: number }>();
  for (let r = 0; r < rows.length; r += 1) {
    const row = rows[r]!;
    tokens.read(row.text);
    sizes.push(tokens.size);
    const flat = flatten(tokens);
    const values = Object.entries(row.fields).flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : value).map((one) => ({ name, value: one, spans: locate(tokens, flat, one) })),
    );
    for (const { name, spans } of values) {
      const count = counts.get(name) ?? { all: 0, inText: 0 };
      count.all += 1;
      if (spans.length > 0) count.inText += 1;
      counts.set(name, count);
    }
    found.push(values);
    if ((r & 127) === 127 || r === rows.length - 1) {
      onDone(r + 1);
      yield;
    }
  }
  const names = [...counts.keys()].sort((a, b) => (a < b ? -1 : 1));
  const isSpan = (name: string) => counts.get(name)!.inText >= counts.get(name)!.all * SPAN_SHARE;
  const kinds = { spanFields: names.filter(isSpan), choiceFields: names.filter((name) => !isSpan(name)) };
  const spanNumber = new Map(kinds.spanFields.map((name, index) => [name, index]));
  const located = rows.map((row, r): LocatedRow => {
    const values = found[r]!.filter(({ name }) => spanNumber.has(name)).map(({ name, value, spans }) => ({
      field: spanNumber.get(name)!,
      value,
      spans,
    }));
    return {
      text: row.text,
      tokens: sizes[r]!,
      values,
      choices: kinds.choiceFields.map((name) => found[r]!.find((value) => value.name === name)?.value ?? ''),
      complete: values.every(({ spans }) => spans.length > 0),
    };
  });
  return { kinds, located };
}

/**
 * Tags of a row. A value that stands in several places gets each of them whose preference reaches `share` of its best one (all, without
 * preferences); longer values choose first, and no token serves two fields.
 */
export function tagsOf(row: LocatedRow, preference?: (field: number, span: Span) => number): Int32Array {
  const tags = new Int32Array(row.tokens);
  const order = [...row.values].sort((a, b) => length(b) - length(a) || a.spans.length - b.spans.length);
  for (const { field, spans } of order) {
    const free = spans.filter((span) => isFree(tags, span));
    const worth = preference ? free.map((span) => preference(field, span)) : free.map(() => 1);
    const least = Math.max(...worth) * PREFERRED_SHARE;
    free.forEach((span, k) => {
      if (worth[k]! < least || !isFree(tags, span)) return;
      tags[span.from] = 1 + 2 * field;
      tags.fill(2 + 2 * field, span.from + 1, span.to);
    });
  }
  return tags;
}

/** A place is as good as the best one when the model gives it at least this share of its probability. */
const PREFERRED_SHARE = 0.5;

function length(value: LocatedValue): number {
  const span = value.spans[0];
  return span ? span.to - span.from : 0;
}

function isFree(tags: Int32Array, span: Span): boolean {
  for (let i = span.from; i < span.to; i += 1) if (tags[i] !== 0) return false;
  return true;
}
