import { HashIndex } from '../hashing/index.ts';
import { combine } from './combine.ts';

/** Longer values than this are no names that come back. */
export const LONGEST_PHRASE = 8;
const SEED = 0x27d4eb2d;

/** What matched: phrase `phrase` on tokens [from, from + length). */
export interface PhraseMatch {
  phrase: number;
  length: number;
}

/**
 * Values that training saw, by field: `counts[p × fields + f]` rows have phrase p as a value of field f. While a training row is read its
 * own values are taken out (`adjust`), so that a row never finds itself: otherwise every value of the training set would be a known one.
 */
export class Gazetteer {
  readonly fields: number;
  readonly index: HashIndex;
  counts: Int32Array;
  readonly #starts: HashIndex;
  readonly #match: PhraseMatch = { phrase: -1, length: 0 };

  constructor(fields: number) {
    this.fields = fields;
    this.index = new HashIndex();
    this.#starts = new HashIndex();
    this.counts = new Int32Array(1024 * Math.max(1, fields));
  }

  /** Adds a phrase once to a field; longer ones than LONGEST_PHRASE tokens are left out. Returns its number, or −1. */
  add(lower: Int32Array, from: number, to: number, field: number): number {
    if (to - from > LONGEST_PHRASE || to <= from) return -1;
    const phrase = this.index.intern(phraseHash(lower, from, to));
    this.#starts.intern(lower[from]!);
    if ((phrase + 1) * this.fields > this.counts.length) {
      const more = new Int32Array(this.counts.length * 2);
      more.set(this.counts);
      this.counts = more;
    }
    this.adjust(phrase, field, 1);
    return phrase;
  }

  adjust(phrase: number, field: number, by: number): void {
    const at = phrase * this.fields + field;
    this.counts[at] = this.counts[at]! + by;
  }

  /** The longest known phrase that starts at a token, or null. The result is overwritten by the next call. */
  longest(lower: Int32Array, from: number, size: number): PhraseMatch | null {
    if (this.#starts.find(lower[from]!) < 0) return null;
    const match = this.#match;
    match.phrase = -1;
    let hash = SEED;
    const end = Math.min(size, from + LONGEST_PHRASE);
    for (let to = from; to < end; to += 1) {
      hash = combine(hash, lower[to]!);
      const phrase = this.index.find(hash);
      if (phrase < 0 || !this.#known(phrase)) continue;
      match.phrase = phrase;
      match.length = to - from + 1;
    }
    return match.phrase < 0 ? null : match;
  }

  #known(phrase: number): boolean {
    const at = phrase * this.fields;
    for (let field = 0; field < this.fields; field += 1) if (this.counts[at + field]! > 0) return true;
    return false;
  }

  /** What a file needs to make it again: first tokens, phrases, and which fields each phrase belongs to. */
  export(): { readonly starts: Int32Array; readonly phrases: Int32Array; readonly pairs: Int32Array } {
    const pairs: number[] = [];
    for (let phrase = 0; phrase < this.index.size; phrase += 1)
      for (let field = 0; field < this.fields; field += 1)
        if (this.counts[phrase * this.fields + field]! > 0) pairs.push(phrase * this.fields + field);
    return { starts: this.#starts.keys(), phrases: this.index.keys(), pairs: Int32Array.from(pairs) };
  }

  static restore(fields: number, starts: Int32Array, phrases: Int32Array, pairs: Int32Array): Gazetteer {
    const gazetteer = new Gazetteer(fields);
    for (const hash of starts) gazetteer.#starts.intern(hash);
    for (const hash of phrases) gazetteer.index.intern(hash);
    gazetteer.counts = new Int32Array(Math.max(1, phrases.length * fields));
    for (const pair of pairs) gazetteer.counts[pair] = 1;
    return gazetteer;
  }
}

function phraseHash(lower: Int32Array, from: number, to: number): number {
  let hash = SEED;
  for (let i = from; i < to; i += 1) hash = combine(hash, lower[i]!);
  return hash;
}
