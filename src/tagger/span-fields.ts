import type { LocatedRow } from './located-row.ts';
import type { SpanField } from './model.ts';
import { TokenReader } from './tokens.ts';
import type { ExtractionRow } from './types.ts';
import { FORMATS, type Format, formatted, valueKey } from './value-forms.ts';

/** A field that so many rows have is asked for in every text. */
const USUAL_SHARE = 0.9;
/** So many aliases a field at most: what is learnt by heart must stay small. */
const MAX_ALIASES = 20_000;

interface Example {
  readonly passage: string;
  readonly value: string;
}

/** What training rows say about how the values of each span field are written. */
export function learnSpanFields(
  names: readonly string[],
  rows: readonly ExtractionRow[],
  located: readonly LocatedRow[],
): readonly SpanField[] {
  const examples: Example[][] = names.map(() => []);
  const tokens = new TokenReader();
  for (const row of located) {
    tokens.read(row.text);
    for (const { field, value, spans } of row.values) {
      const span = spans[0];
      if (span)
        examples[field]!.push({ passage: row.text.slice(tokens.starts[span.from]!, tokens.ends[span.to - 1]!), value: plain(value) });
    }
  }
  return names.map((name, field) => {
    const values = rows.flatMap((row) => (Object.hasOwn(row.fields, name) ? [row.fields[name]!] : []));
    const own = examples[field]!;
    const format = bestFormat(own);
    return {
      name,
      format,
      several: values.some((value) => typeof value !== 'string' && value.length > 1),
      list: values.length > 0 && values.every((value) => typeof value !== 'string'),
      usual: values.length >= rows.length * USUAL_SHARE,
      aliases: aliasesOf(own, format),
    };
  });
}

function bestFormat(examples: readonly Example[]): Format {
  let best: Format = FORMATS[0];
  let most = -1;
  for (const format of FORMATS) {
    const right = examples.filter(({ passage, value }) => formatted(passage, format) === value).length;
    if (right <= most) continue;
    best = format;
    most = right;
  }
  return best;
}

/** For passages that the format does not turn into their value: the value that most rows give them. */
function aliasesOf(examples: readonly Example[], format: Format): Readonly<Record<string, string>> {
  const byKey = new Map<string, Map<string, number>>();
  const regular = new Map<string, number>();
  for (const { passage, value } of examples) {
    const key = valueKey(passage);
    if (formatted(passage, format) === value) regular.set(key, (regular.get(key) ?? 0) + 1);
    const counts = byKey.get(key) ?? new Map<string, number>();
    counts.set(value, (counts.get(value) ?? 0) + 1);
    byKey.set(key, counts);
  }
  const aliases: [string, string][] = [];
  for (const [key, counts] of byKey) {
    const [value, count] = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]!;
    if (count > (regular.get(key) ?? 0)) aliases.push([key, value]);
  }
  return Object.fromEntries(aliases.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, MAX_ALIASES));
}

function plain(value: string): string {
  return value.replace(/\s+/g, ' ').trim();
}
