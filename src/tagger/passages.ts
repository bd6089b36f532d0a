import type { Lattice } from './lattice.ts';
import type { SpanField } from './model.ts';
import type { TokenReader } from './tokens.ts';
import { formatted, valueKey } from './value-forms.ts';

/** A passage that was taken for a field. */
export interface Passage {
  readonly field: number;
  readonly from: number;
  readonly to: number;
  readonly value: string;
  /** P of its least certain token, summed over the places where the same value stands, at most 1. */
  readonly probability: number;
}

/** A field that nearly every text has is given its likeliest passage from this probability on, though the best tagging has none. */
const USUAL_FLOOR = 0.3;

/** The passages of the best tagging, for each field those that its schema allows, in the order of the text. */
export function bestPassages(lattice: Lattice, tokens: TokenReader, fields: readonly SpanField[]): readonly Passage[] {
  const found: Passage[] = [];
  const { best, size } = lattice;
  const has = new Uint8Array(fields.length);
  for (let i = 0; i < size; i += 1) {
    const tag = best[i]!;
    if (tag % 2 === 0) continue;
    let to = i + 1;
    while (to < size && best[to] === tag + 1) to += 1;
    const field = (tag - 1) >> 1;
    has[field] = 1;
    join(found, passage(lattice, tokens, fields, field, i, to));
  }
  fields.forEach((field, f) => {
    if (!field.usual || has[f] === 1) return;
    const likeliest = likeliestPassage(lattice, tokens, fields, f);
    if (likeliest) found.push(likeliest);
  });
  return found.filter((one) => stays(found, one, fields[one.field]!.several)).sort((a, b) => a.from - b.from);
}

/** Adds a passage; the same value in two places is one, surer. */
function join(found: Passage[], one: Passage): void {
  const key = valueKey(one.value);
  const same = found.findIndex((other) => other.field === one.field && valueKey(other.value) === key);
  if (same < 0) {
    found.push(one);
    return;
  }
  const other = found[same]!;
  const sum = Math.min(1, other.probability + one.probability);
  found[same] = { ...(one.probability > other.probability ? one : other), probability: sum };
}

/** Whether a passage stays: of a field with one value only the likeliest does. */
function stays(found: readonly Passage[], one: Passage, several: boolean): boolean {
  return several || !found.some((other) => other.field === one.field && other !== one && rivals(other, one));
}

function rivals(other: Passage, one: Passage): boolean {
  return other.probability > one.probability || (other.probability === one.probability && other.from < one.from);
}

function likeliestPassage(lattice: Lattice, tokens: TokenReader, fields: readonly SpanField[], field: number): Passage | null {
  const { marginals, tags, size } = lattice;
  const begin = 1 + 2 * field;
  let from = -1;
  for (let i = 0; i < size; i += 1) if (from < 0 || marginals[i * tags + begin]! > marginals[from * tags + begin]!) from = i;
  if (from < 0 || marginals[from * tags + begin]! < USUAL_FLOOR) return null;
  let to = from + 1;
  while (to < size && marginals[to * tags + begin + 1]! > marginals[from * tags + begin]! / 2) to += 1;
  return passage(lattice, tokens, fields, field, from, to);
}

function passage(lattice: Lattice, tokens: TokenReader, fields: readonly SpanField[], field: number, from: number, to: number): Passage {
  const { marginals, tags } = lattice;
  let probability = marginals[from * tags + 1 + 2 * field]!;
  for (let i = from + 1; i < to; i += 1) probability = Math.min(probability, marginals[i * tags + 2 + 2 * field]!);
  return { field, from, to, value: valueFor(fields[field]!, tokens.text.slice(tokens.starts[from]!, tokens.ends[to - 1]!)), probability };
}

/** The value that training taught for such a passage, otherwise the passage in the field's format. */
export function valueFor(field: SpanField, text: string): string {
  const key = valueKey(text);
  return Object.hasOwn(field.aliases, key) ? field.aliases[key]! : formatted(text, field.format);
}
