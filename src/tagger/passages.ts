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

/** A field that nearly every text has is given its likeliest value from this probability on, though the best tagging has none. */
const USUAL_FLOOR = 0.3;
/** Reads passages off a lattice that has run. */
export class PassageReader {
  readonly #fields: readonly SpanField[];

  constructor(fields: readonly SpanField[]) {
    this.#fields = fields;
  }

  /** The passages of the best tagging, for each field those that its schema allows, in the order of the text. */
  read(lattice: Lattice, tokens: TokenReader): readonly Passage[] {
    const found: Passage[] = [];
    const { best, size, tags } = lattice;
    for (let i = 0; i < size; i += 1) {
      const tag = best[i]!;
      if (tag % 2 === 0) continue;
      let to = i + 1;
      while (to < size && best[to] === tag + 1) to += 1;
      join(found, this.#passage(lattice, tokens, (tag - 1) >> 1, i, to));
    }
    for (let f = 0; f < this.#fields.length; f += 1) {
      if (!this.#fields[f]!.usual) continue;
      const begin = 1 + 2 * f;
      for (let i = 0; i < size; i += 1)
        if (best[i] !== begin && lattice.marginals[i * tags + begin]! > USUAL_FLOOR) join(found, this.#likely(lattice, tokens, f, i));
    }
    return found.filter((one) => this.#stays(found, one, best)).sort((a, b) => a.from - b.from);
  }

  /** Whether a passage stays: of a field with one value only the likeliest does. */
  #stays(found: readonly Passage[], one: Passage, best: Int32Array): boolean {
    if (this.#fields[one.field]!.several) return best[one.from] === 1 + 2 * one.field;
    return !found.some((other) => other.field === one.field && other !== one && beats(other, one));
  }

  /** The passage that begins at a token and goes on while that is at least half as likely as the beginning. */
  #likely(lattice: Lattice, tokens: TokenReader, field: number, from: number): Passage {
    const { marginals, tags, size } = lattice;
    const begin = 1 + 2 * field;
    let to = from + 1;
    while (to < size && marginals[to * tags + begin + 1]! > marginals[from * tags + begin]! / 2) to += 1;
    return this.#passage(lattice, tokens, field, from, to);
  }

  #passage(lattice: Lattice, tokens: TokenReader, field: number, from: number, to: number): Passage {
    const { marginals, tags } = lattice;
    let probability = marginals[from * tags + 1 + 2 * field]!;
    for (let i = from + 1; i < to; i += 1) probability = Math.min(probability, marginals[i * tags + 2 + 2 * field]!);
    return { field, from, to, value: this.#value(field, tokens.text.slice(tokens.starts[from]!, tokens.ends[to - 1]!)), probability };
  }

  /** The value that training taught for such a passage; otherwise the passage in the field's format. */
  #value(number: number, text: string): string {
    const field = this.#fields[number]!;
    const key = valueKey(text);
    return Object.hasOwn(field.aliases, key) ? field.aliases[key]! : formatted(text, field.format);
  }
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

function beats(other: Passage, one: Passage): boolean {
  return other.probability > one.probability || (other.probability === one.probability && other.from < one.from);
}
