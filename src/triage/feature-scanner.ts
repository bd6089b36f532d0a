/** Only this many UTF-16 units of a text are read: it bounds time and memory for a text of any length. */
export const MAX_CHARACTERS = 8_192;

/** Hashed features fall into so many buckets; two that share one are not told apart. */
export const BUCKETS = 1 << 18;

/** The kinds of hashed features, each normalised by itself: words alone and in a row, and characters inside and across words. */
export const BLOCKS = ['word', 'character'] as const;

/** Measures of the whole text. */
export const MEASURES = ['characters', 'words', 'lines', 'numbers', 'digits', 'capitals', 'symbols', 'wordLength', 'sentences'] as const;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const SPACE = 32;
const SALT = { word: 0x2545f491, bigram: 0x5bd1e995, character: 0x1b873593 } as const;
const GRAM = 4;

/**
 * Turns a text into buckets of its features, without creating a string per feature: rolling hashes over character codes.
 * The arrays are reused: they hold the last scanned text only, features of block b from `starts[b]` to before `starts[b + 1]`, repeats included.
 */
export class FeatureScanner {
  buckets = new Int32Array(1024);
  readonly starts = new Int32Array(BLOCKS.length + 1);
  readonly measures = new Float64Array(MEASURES.length);
  #codes = new Uint16Array(256);
  #words = new Int32Array(64);
  #size = 0;

  /** Reads at most MAX_CHARACTERS of the text. Never throws, whatever the text holds. */
  scan(text: string): void {
    const read = text.length > MAX_CHARACTERS ? text.slice(0, MAX_CHARACTERS) : text;
    this.#measure(read, text.length);
    const length = this.#readCodes(read);
    this.#size = 0;
    this.#emitWords(length);
    this.starts[1] = this.#size;
    this.#emitCharacters(length);
    this.starts[2] = this.#size;
  }

  /** Lower-cased, with every run of white space as one space, and one space before and after. */
  #readCodes(text: string): number {
    const lower = text.toLowerCase();
    if (this.#codes.length < lower.length + 2) this.#codes = new Uint16Array((lower.length + 2) * 2);
    const codes = this.#codes;
    codes[0] = SPACE;
    let length = 1;
    for (let i = 0; i < lower.length; i += 1) {
      const code = lower.charCodeAt(i);
      if (code > SPACE && code !== 0xa0) {
        codes[length] = code;
        length += 1;
      } else if (codes[length - 1] !== SPACE) {
        codes[length] = SPACE;
        length += 1;
      }
    }
    if (codes[length - 1] !== SPACE) {
      codes[length] = SPACE;
      length += 1;
    }
    return length;
  }

  /** Each word (letters and digits in a row, or one other character that is no space), and each two in a row. */
  #emitWords(length: number): void {
    this.#reserve(length * 2 + 2);
    if (this.#words.length < length) this.#words = new Int32Array(length * 2);
    const codes = this.#codes;
    let before = 0;
    let i = 0;
    while (i < length) {
      if (codes[i] === SPACE) {
        i += 1;
        continue;
      }
      let hash = FNV_OFFSET;
      if (isWordCode(codes[i]!)) for (; i < length && isWordCode(codes[i]!); i += 1) hash = Math.imul(hash ^ codes[i]!, FNV_PRIME);
      else {
        hash = Math.imul(hash ^ codes[i]!, FNV_PRIME);
        i += 1;
      }
      this.#emit(hash ^ SALT.word);
      this.#emit((Math.imul(before, SALT.bigram) + hash) ^ SALT.bigram);
      before = hash;
    }
  }

  /** Grams of 4 characters of the running text, or of 3 where a word ends: a gram may begin with a space, and ends at the next one. */
  #emitCharacters(length: number): void {
    const codes = this.#codes;
    this.#reserve(length);
    for (let from = 0; from < length; from += 1) {
      let hash = FNV_OFFSET;
      let i = from;
      for (const to = Math.min(length, from + GRAM); i < to; i += 1) {
        hash = Math.imul(hash ^ codes[i]!, FNV_PRIME);
        if (codes[i] === SPACE && i > from) {
          i += 1;
          break;
        }
      }
      if (i - from > 2) this.#emit(hash ^ SALT.character);
    }
  }

  #measure(text: string, fullLength: number): void {
    let words = 0;
    let lines = 1;
    let numbers = 0;
    let digits = 0;
    let capitals = 0;
    let symbols = 0;
    let letters = 0;
    let sentences = 0;
    let inWord = false;
    let inNumber = false;
    for (let i = 0; i < text.length; i += 1) {
      const code = text.charCodeAt(i);
      const isDigit = code >= 48 && code <= 57;
      if (isDigit) {
        digits += 1;
        if (!inNumber) numbers += 1;
      }
      inNumber = isDigit;
      const isWord = isWordCode(code);
      if (isWord) {
        letters += 1;
        if (!inWord) words += 1;
        if (code >= 65 && code <= 90) capitals += 1;
      } else if (code === 10) lines += 1;
      else if (code > SPACE) {
        symbols += 1;
        if (code === 46 || code === 63 || code === 33) sentences += 1;
      }
      inWord = isWord;
    }
    const size = Math.max(1, text.length);
    const measures = this.measures;
    measures[0] = Math.log1p(fullLength);
    measures[1] = Math.log1p(words);
    measures[2] = Math.log1p(lines);
    measures[3] = Math.log1p(numbers);
    measures[4] = digits / size;
    measures[5] = capitals / size;
    measures[6] = symbols / size;
    measures[7] = words === 0 ? 0 : letters / words;
    measures[8] = Math.log1p(sentences);
  }

  #reserve(more: number): void {
    let capacity = this.buckets.length;
    while (capacity < this.#size + more) capacity *= 2;
    if (capacity === this.buckets.length) return;
    const bigger = new Int32Array(capacity);
    bigger.set(this.buckets);
    this.buckets = bigger;
  }

  #emit(hash: number): void {
    this.buckets[this.#size] = bucketOf(hash);
    this.#size += 1;
  }
}

/** ASCII letters (either case) and digits, and everything beyond ASCII. */
function isWordCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code >= 128;
}

/** The finaliser of MurmurHash3 (Appleby), then the low bits: every input bit reaches every output bit. */
function bucketOf(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash & (BUCKETS - 1);
}
