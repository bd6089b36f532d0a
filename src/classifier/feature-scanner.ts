import { mix } from '../hashing/index.ts';
import { stemLength } from './stem.ts';

/** Only this many UTF-16 units of a text are read: it bounds time and memory for a text of any length. */
export const MAX_CHARACTERS = 16_384;

/** The kinds of features, each normalised by itself: stems alone and in a row, characters inside a word, stems near each other. */
export const BLOCKS = ['word', 'character', 'pair'] as const;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const BOUNDARY = 32;
/** Characters of the longest gram, boundaries included. */
export const LONGEST_GRAM = 5;
/** Two stems make a pair when at most this many places apart. */
export const PAIR_REACH = 4;
/** Stand-ins for stems at both ends of a text. */
const TEXT_START = 0x3039;
const TEXT_END = 0x3e7;
const SALT = { word: 0x2545f491, bigram: 0x5bd1e995, character: 0x1b873593, pair: 0x38495ab5 } as const;

/**
 * Turns a text into hashes of its features, without creating a string per feature: rolling hashes over character codes.
 * The arrays are reused: they hold the last scanned text only, features of block b from `starts[b]` to before `starts[b + 1]`, repeats included.
 */
export class FeatureScanner {
  hashes = new Int32Array(1024);
  readonly starts = new Int32Array(BLOCKS.length + 1);
  #codes = new Uint16Array(256);
  #tokenStarts = new Int32Array(64);
  #tokenEnds = new Int32Array(64);
  #stems = new Int32Array(64);
  #tokens = 0;
  #size = 0;

  /** Reads at most MAX_CHARACTERS of the text. Never throws, whatever the text holds. */
  scan(text: string): void {
    this.#readCodes(text);
    this.#size = 0;
    this.starts[0] = 0;
    this.#emitWords();
    this.starts[1] = this.#size;
    this.#emitCharacters();
    this.starts[2] = this.#size;
    this.#emitPairs();
    this.starts[3] = this.#size;
  }

  /** The tokens of the last scanned text, lower-cased; for explanations. */
  tokens(): string[] {
    return Array.from({ length: this.#tokens }, (_, i) =>
      String.fromCharCode(...this.#codes.subarray(this.#tokenStarts[i]!, this.#tokenEnds[i]!)),
    );
  }

  /** Lower-cases, and notes where the tokens lie and the hash of each one's stem. */
  #readCodes(text: string): void {
    const lower = normalise(text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text);
    const length = lower.length;
    if (this.#codes.length < length) this.#codes = new Uint16Array(length * 2);
    const codes = this.#codes;
    for (let i = 0; i < length; i += 1) codes[i] = lower.charCodeAt(i);
    this.#tokens = 0;
    let i = 0;
    while (i < length) {
      if (!isWordCode(codes[i]!)) {
        i += 1;
        continue;
      }
      const start = i;
      i += 1;
      while (i < length && (isWordCode(codes[i]!) || (isApostrophe(codes[i]!) && i + 1 < length && isWordCode(codes[i + 1]!)))) i += 1;
      this.#addToken(start, i);
    }
  }

  #addToken(start: number, end: number): void {
    if (this.#tokens === this.#tokenStarts.length) {
      this.#tokenStarts = grown(this.#tokenStarts);
      this.#tokenEnds = grown(this.#tokenEnds);
      this.#stems = grown(this.#stems);
    }
    const codes = this.#codes;
    const stemEnd = start + stemLength(codes, start, end);
    let hash = FNV_OFFSET;
    for (let i = start; i < stemEnd; i += 1) hash = Math.imul(hash ^ codes[i]!, FNV_PRIME);
    this.#tokenStarts[this.#tokens] = start;
    this.#tokenEnds[this.#tokens] = end;
    this.#stems[this.#tokens] = mix(hash);
    this.#tokens += 1;
  }

  /** Each stem, and each two in a row, where the text's begin and end count as stems. */
  #emitWords(): void {
    const tokens = this.#tokens;
    const stems = this.#stems;
    this.#reserve(tokens * 2 + 2);
    if (tokens === 0) return;
    this.#emit(Math.imul(TEXT_START, SALT.bigram) + stems[0]!);
    this.#emit(Math.imul(stems[tokens - 1]!, SALT.bigram) + TEXT_END);
    for (let i = 0; i < tokens; i += 1) {
      this.#emit(stems[i]! ^ SALT.word);
      if (i > 0) this.#emit(Math.imul(stems[i - 1]!, SALT.bigram) + stems[i]!);
    }
  }

  /** Grams of 2 to 5 characters inside each token, with a boundary on both sides. */
  #emitCharacters(): void {
    const codes = this.#codes;
    for (let token = 0; token < this.#tokens; token += 1) {
      const first = this.#tokenStarts[token]! - 1;
      const last = this.#tokenEnds[token]!;
      this.#reserve((last - first + 1) * (LONGEST_GRAM - 1));
      for (let from = first; from < last; from += 1) {
        let hash = FNV_OFFSET;
        const to = Math.min(last, from + LONGEST_GRAM - 1);
        for (let i = from; i <= to; i += 1) {
          const code = i === first || i === last ? BOUNDARY : codes[i]!;
          hash = Math.imul(hash ^ code, FNV_PRIME);
          if (i > from) this.#emit(hash ^ SALT.character);
        }
      }
    }
  }

  /** Two stems at most four places apart, in either order. */
  #emitPairs(): void {
    const tokens = this.#tokens;
    const stems = this.#stems;
    this.#reserve(tokens * PAIR_REACH);
    for (let i = 0; i < tokens; i += 1) {
      const end = Math.min(tokens, i + PAIR_REACH + 1);
      for (let j = i + 1; j < end; j += 1) {
        const a = Math.min(stems[i]!, stems[j]!);
        const b = Math.max(stems[i]!, stems[j]!);
        this.#emit((Math.imul(a, SALT.pair) + b) ^ SALT.pair);
      }
    }
  }

  #reserve(more: number): void {
    while (this.hashes.length < this.#size + more) this.hashes = grown(this.hashes);
  }

  #emit(hash: number): void {
    this.hashes[this.#size] = mix(hash);
    this.#size += 1;
  }
}

/** Compatibility forms (full-width letters, ligatures) count as the plain ones; ASCII, the usual case, skips that. */
function normalise(text: string): string {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 127) return text.normalize('NFKC').toLowerCase();
  return text.toLowerCase();
}

function isApostrophe(code: number): boolean {
  return code === 39 || code === 0x2019;
}

/** Letters, digits, currency signs and every character outside the common punctuation and space ranges. */
function isWordCode(code: number): boolean {
  if (code < 128) return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 36;
  if (code < 0xc0) return (code >= 0xa2 && code <= 0xa5) || code === 0xaa || code === 0xb5 || code === 0xba;
  if (code === 0xd7 || code === 0xf7 || code === 0x1680 || code === 0xfeff) return false;
  return !((code >= 0x2000 && code <= 0x206f) || (code >= 0x3000 && code <= 0x303f) || (code >= 0xff00 && code <= 0xff0f));
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
