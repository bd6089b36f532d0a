import { mix } from '../hashing/index.ts';
import { combine } from './combine.ts';
import type { Gazetteer } from './gazetteer.ts';
import { TOKEN_KIND, TokenReader } from './tokens.ts';

/** Kinds of features; a feature's hash is made of its kind and what it saw. The order is part of the file format. */
export const TEMPLATES = [
  'always',
  'word',
  'word before',
  'word after',
  'word 2 before',
  'word 2 after',
  'words before and here',
  'words here and after',
  'two words before',
  'two words after',
  'words around',
  'prefix',
  'suffix',
  'shape',
  'shapes before and here',
  'shapes here and after',
  'suffix before',
  'suffix after',
  'edge of text',
  'known value',
  'line from the top',
  'line from the bottom',
  'place in line',
  'first word of line',
  'line before begins',
  'line before ends',
  'line after begins',
  'length of line',
  'nearest word before',
  'two nearest words before',
  'repeats in text',
  'size of amount',
  'text holds word',
  'text holds words',
] as const;

const T = Object.fromEntries(TEMPLATES.map((name, index) => [name, index])) as Readonly<Record<(typeof TEMPLATES)[number], number>>;
const AFFIXES = 4;
const OUTSIDE = 0x3039;
/** Turns a text into hashed features per token, without a string per feature. All arrays hold the last text only. */
export class FeatureReader {
  readonly tokens = new TokenReader();
  hashes = new Int32Array(4096);
  templates = new Uint8Array(4096);
  /** Features of token i lie from `offsets[i]` to before `offsets[i + 1]`; those of the whole text from `offsets[size]` to before `bagEnd`. */
  offsets = new Int32Array(256);
  bagEnd = 0;
  #size = 0;
  #amountRank = new Uint8Array(256);
  #repeats = new Uint8Array(256);
  readonly #seen = new Map<number, number>();

  /** Reads a text with the values that are known. */
  read(text: string, gazetteer: Gazetteer): void {
    const { tokens } = this;
    tokens.read(text);
    const size = tokens.size;
    if (this.offsets.length < size + 1) {
      this.offsets = new Int32Array((size + 1) * 2);
      this.#amountRank = new Uint8Array((size + 1) * 2);
      this.#repeats = new Uint8Array((size + 1) * 2);
    }
    this.#size = 0;
    const multiline = tokens.lines > 1;
    if (multiline) this.#countNumbers();
    let phraseEnd = 0;
    let phraseStart = 0;
    let phrase = -1;
    for (let i = 0; i < size; i += 1) {
      this.offsets[i] = this.#size;
      this.#reserve(64 + gazetteer.fields);
      if (i >= phraseEnd) {
        const match = gazetteer.longest(tokens.lower, i, size);
        phrase = match ? match.phrase : -1;
        phraseStart = i;
        phraseEnd = match ? i + match.length : i + 1;
      }
      this.#words(i, size);
      if (phrase >= 0) this.#knownValue(i, phrase, phraseStart, phraseEnd, gazetteer);
      if (multiline) this.#layout(i);
    }
    this.offsets[size] = this.#size;
    this.#bag(size);
    this.bagEnd = this.#size;
  }

  #words(i: number, size: number): void {
    const { lower, shapes, prefixes, suffixes } = this.tokens;
    const here = lower[i]!;
    const before = i > 0 ? lower[i - 1]! : OUTSIDE;
    const after = i + 1 < size ? lower[i + 1]! : OUTSIDE;
    const before2 = i > 1 ? lower[i - 2]! : OUTSIDE;
    const after2 = i + 2 < size ? lower[i + 2]! : OUTSIDE;
    this.#emit(T.always, 1);
    this.#emit(T.word, here);
    this.#emit(T['word before'], before);
    this.#emit(T['word after'], after);
    this.#emit(T['word 2 before'], before2);
    this.#emit(T['word 2 after'], after2);
    this.#emit(T['words before and here'], combine(before, here));
    this.#emit(T['words here and after'], combine(here, after));
    this.#emit(T['two words before'], combine(before2, before));
    this.#emit(T['two words after'], combine(after, after2));
    this.#emit(T['words around'], combine(before, after));
    for (let k = i * AFFIXES; k < (i + 1) * AFFIXES; k += 1) {
      if (prefixes[k] !== 0) this.#emit(T.prefix, prefixes[k]!);
      if (suffixes[k] !== 0) this.#emit(T.suffix, suffixes[k]!);
    }
    const shape = shapes[i]!;
    this.#emit(T.shape, shape);
    this.#emit(T['shapes before and here'], combine(i > 0 ? shapes[i - 1]! : OUTSIDE, shape));
    this.#emit(T['shapes here and after'], combine(shape, i + 1 < size ? shapes[i + 1]! : OUTSIDE));
    if (i > 0) this.#emit(T['suffix before'], suffixes[(i - 1) * AFFIXES + 2]!);
    if (i + 1 < size) this.#emit(T['suffix after'], suffixes[(i + 1) * AFFIXES + 2]!);
    if (i === 0) this.#emit(T['edge of text'], 1);
    if (i === size - 1) this.#emit(T['edge of text'], 2);
  }

  #knownValue(i: number, phrase: number, start: number, end: number, gazetteer: Gazetteer): void {
    const place = (i === start ? 1 : 2) + (i === end - 1 ? 4 : 0) + (Math.min(3, end - start) << 3);
    for (let field = 0; field < gazetteer.fields; field += 1)
      if (gazetteer.counts[phrase * gazetteer.fields + field]! > 0) this.#emit(T['known value'], combine(field + 1, place));
  }

  /** Where the token stands on the page, and what stands around it there. */
  #layout(i: number): void {
    const { line, lineStarts, lines, lower, kinds } = this.tokens;
    const row = line[i]!;
    const first = lineStarts[row]!;
    const end = lineStarts[row + 1]!;
    this.#emit(T['line from the top'], 1 + bucket(row));
    this.#emit(T['line from the bottom'], 1 + bucket(lines - 1 - row));
    const place = (i === first ? 1 : 0) + (i === end - 1 ? 2 : 0);
    this.#emit(T['place in line'], 1 + place);
    this.#emit(T['first word of line'], combine(lower[first]!, i === first ? 1 : 2));
    this.#emit(T['length of line'], combine(Math.min(9, end - first), place));
    if (row > 0) {
      this.#emit(T['line before begins'], lower[lineStarts[row - 1]!]!);
      this.#emit(T['line before ends'], lower[first - 1]!);
    }
    if (row + 1 < lines) this.#emit(T['line after begins'], lower[end]!);
    let nearest = i - 1;
    while (nearest >= 0 && i - nearest < 24 && kinds[nearest] !== TOKEN_KIND.word) nearest -= 1;
    if (nearest >= 0 && kinds[nearest] === TOKEN_KIND.word) {
      const away = Math.min(3, row - line[nearest]!);
      this.#emit(T['nearest word before'], combine(lower[nearest]!, away));
      let second = nearest - 1;
      while (second >= 0 && nearest - second < 24 && kinds[second] !== TOKEN_KIND.word) second -= 1;
      if (second >= 0) this.#emit(T['two nearest words before'], combine(combine(lower[second]!, lower[nearest]!), away));
    }
    if (this.#amountRank[i]! > 0) this.#emit(T['size of amount'], combine(this.#amountRank[i]!, place));
    if (kinds[i] === TOKEN_KIND.number) this.#emit(T['repeats in text'], combine(this.#repeats[i]!, this.#amountRank[i]!));
  }

  /** How often each number stands in the text, and where it comes among the text's amounts by size: 1 largest, 2 second, 3 any other. */
  #countNumbers(): void {
    const { size, lower, kinds } = this.tokens;
    this.#seen.clear();
    let largest = Number.NEGATIVE_INFINITY;
    let second = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < size; i += 1) {
      if (kinds[i] !== TOKEN_KIND.number) continue;
      this.#seen.set(lower[i]!, (this.#seen.get(lower[i]!) ?? 0) + 1);
      const amount = this.#amount(i);
      if (amount > largest) {
        second = largest;
        largest = amount;
      } else if (amount < largest && amount > second) second = amount;
    }
    for (let i = 0; i < size; i += 1) {
      this.#amountRank[i] = 0;
      if (kinds[i] !== TOKEN_KIND.number) continue;
      this.#repeats[i] = Math.min(4, this.#seen.get(lower[i]!)!);
      const amount = this.#amount(i);
      if (amount > Number.NEGATIVE_INFINITY) this.#amountRank[i] = amount === largest ? 1 : amount === second ? 2 : 3;
    }
  }

  /** The value of a number with exactly two decimals; −∞ for every other token. */
  #amount(i: number): number {
    const { text, starts, ends } = this.tokens;
    const mark = ends[i]! - 3;
    const code = mark > starts[i]! ? text.charCodeAt(mark) : 0;
    if (code !== 46 && code !== 44) return Number.NEGATIVE_INFINITY;
    let value = 0;
    for (let at = starts[i]!; at < ends[i]!; at += 1) {
      const digit = text.charCodeAt(at) - 48;
      if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    }
    return value / 100;
  }

  /** Words of the text as a whole, each once: they tell which fields the text can have. */
  #bag(size: number): void {
    const { lower } = this.tokens;
    this.#reserve(size * 2 + 1);
    this.#seen.clear();
    for (let i = 0; i < size; i += 1) {
      const word = lower[i]!;
      if (!this.#seen.has(word)) this.#emit(T['text holds word'], word);
      this.#seen.set(word, 1);
      const pair = combine(i > 0 ? lower[i - 1]! : OUTSIDE, word);
      if (!this.#seen.has(pair)) this.#emit(T['text holds words'], pair);
      this.#seen.set(pair, 1);
    }
  }

  #reserve(more: number): void {
    if (this.hashes.length >= this.#size + more) return;
    const hashes = new Int32Array((this.#size + more) * 2);
    hashes.set(this.hashes);
    this.hashes = hashes;
    const templates = new Uint8Array(hashes.length);
    templates.set(this.templates);
    this.templates = templates;
  }

  #emit(template: number, value: number): void {
    this.hashes[this.#size] = mix(Math.imul(value, 0x2c1b3c6d) ^ Math.imul(template + 1, 0x9e3779b1));
    this.templates[this.#size] = template;
    this.#size += 1;
  }
}

/** 0 to 7 as they are, then by doubling. */
function bucket(distance: number): number {
  return distance < 8 ? distance : 5 + Math.floor(Math.log2(distance));
}
