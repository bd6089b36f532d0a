/** How texts become sets: runs of characters inside words (the field's `char_wb`), or runs of whole words. */
export interface ShingleOptions {
  readonly unit: 'characters' | 'words';
  /** Shortest and longest run, in units. */
  readonly from: number;
  readonly to: number;
}

/** Runs of 3 to 5 characters: right for short texts, where one changed word must not change everything. */
export const CHARACTER_SHINGLES: ShingleOptions = { unit: 'characters', from: 3, to: 5 };

/** Single words, pairs and triples: far fewer than characters give, for long texts and many of them. */
export const WORD_SHINGLES: ShingleOptions = { unit: 'words', from: 1, to: 3 };

/**
 * A text as a set: 32-bit hashes of its shingles, sorted, each once. Case, compatibility forms and the kind of white space do not matter.
 * Two different shingles share a hash about once in 4 billion pairs. An empty text gives an empty set.
 */
export function shinglesOf(text: string, options: ShingleOptions = CHARACTER_SHINGLES): Uint32Array {
  const words = text
    .normalize('NFKC')
    .toLowerCase()
    .split(/\s+/u)
    .filter((word) => word !== '');
  const hashes = new HashList(options.unit === 'words' ? words.length * (options.to - options.from + 1) : text.length * 3 + 16);
  if (options.unit === 'words') wordRuns(words, options, hashes);
  else for (const word of words) characterRuns(word, options, hashes);
  return sortedSet(hashes.taken());
}

/** Tokens that somebody else made (the words of a masked template) as a set, as `shinglesOf` gives them. */
export function tokenShingles(
  tokens: readonly string[],
  { from, to }: Pick<ShingleOptions, 'from' | 'to'> = { from: 1, to: 2 },
): Uint32Array {
  const hashes = new HashList(tokens.length * (to - from + 1));
  wordRuns(tokens, { unit: 'words', from, to }, hashes);
  return sortedSet(hashes.taken());
}

/** |A ∩ B| / |A ∪ B| of two sorted sets; 1 for two empty ones. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  if (a.length === 0 && b.length === 0) return 1;
  let shared = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i]!;
    const y = b[j]!;
    if (x === y) {
      shared += 1;
      i += 1;
      j += 1;
    } else if (x < y) i += 1;
    else j += 1;
  }
  return shared / (a.length + b.length - shared);
}

/** Murmur3's finaliser: each bit of the input changes half of the output's bits. */
export function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const SPACE = 32;

/** Runs inside a word with one blank on each side, so that a word's start and end count. A word shorter than a run is one shingle, blanks and all. */
function characterRuns(word: string, { from, to }: ShingleOptions, into: HashList): void {
  const length = word.length + 2;
  const unit = (at: number): number => (at === 0 || at === length - 1 ? SPACE : word.charCodeAt(at - 1));
  for (let start = 0; start < length; start += 1) {
    let hash = FNV_START;
    for (let n = 1; n <= to && start + n <= length; n += 1) {
      hash = Math.imul(hash ^ unit(start + n - 1), FNV_PRIME);
      if (n >= from || (start === 0 && n === length)) into.push(mix(hash ^ n));
    }
  }
}

/** Runs of words. A text of fewer words than the shortest run is one shingle. */
function wordRuns(words: readonly string[], { from, to }: ShingleOptions, into: HashList): void {
  const single = words.map(hashOfWord);
  for (let start = 0; start < single.length; start += 1) {
    let hash = FNV_START;
    for (let n = 1; n <= to && start + n <= single.length; n += 1) {
      hash = mix(Math.imul(hash, FNV_PRIME) ^ single[start + n - 1]!);
      if (n >= from || (start === 0 && n === single.length)) into.push(hash);
    }
  }
}

function hashOfWord(word: string): number {
  let hash = FNV_START;
  for (let i = 0; i < word.length; i += 1) hash = Math.imul(hash ^ word.charCodeAt(i), FNV_PRIME);
  return mix(hash);
}

function sortedSet(hashes: Uint32Array): Uint32Array {
  hashes.sort();
  let size = 0;
  for (let i = 0; i < hashes.length; i += 1) if (i === 0 || hashes[i] !== hashes[i - 1]) hashes[size++] = hashes[i]!;
  return hashes.slice(0, size);
}

/** Numbers in a row that grows: pushing to a plain array and converting it takes three times as long. */
class HashList {
  #values: Uint32Array;
  #size = 0;

  constructor(expected: number) {
    this.#values = new Uint32Array(Math.max(16, expected));
  }

  push(value: number): void {
    if (this.#size === this.#values.length) {
      const larger = new Uint32Array(this.#size * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#size++] = value;
  }

  taken(): Uint32Array {
    return this.#values.subarray(0, this.#size);
  }
}
