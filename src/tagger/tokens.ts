import { mix } from '../hashing/index.ts';

/** Only this many UTF-16 units of a text are read: it bounds time and memory for a text of any length. */
export const MAX_CHARACTERS = 16_384;

/** Only this many tokens of a text are read. */
export const MAX_TOKENS = 4096;

/** What a token is made of. */
export const TOKEN_KIND = { word: 1, number: 2, mark: 3 } as const;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const NEWLINE = 10;
const LONGEST_AFFIX = 4;

/** A text cut into words, numbers and single marks, as parallel arrays that the next text overwrites. */
export class TokenReader {
  text = '';
  size = 0;
  lines = 0;
  readonly starts = new Int32Array(MAX_TOKENS);
  readonly ends = new Int32Array(MAX_TOKENS);
  readonly kinds = new Uint8Array(MAX_TOKENS);
  /** Hash of the lower-cased token. */
  readonly lower = new Int32Array(MAX_TOKENS);
  /** Hash of the token's shape: each character's class, repeats beyond two left out. */
  readonly shapes = new Int32Array(MAX_TOKENS);
  /** Hashes of the first and last 1 to 4 characters, four to a token; 0 where the token is not longer than that. */
  readonly prefixes = new Int32Array(MAX_TOKENS * LONGEST_AFFIX);
  readonly suffixes = new Int32Array(MAX_TOKENS * LONGEST_AFFIX);
  readonly line = new Int32Array(MAX_TOKENS);
  /** First token of each line that holds any, and the text's token count after the last. */
  readonly lineStarts = new Int32Array(MAX_TOKENS + 1);

  /** Reads at most MAX_CHARACTERS and MAX_TOKENS of the text. Never throws, whatever the text holds. */
  read(text: string): void {
    this.text = text;
    this.size = 0;
    this.lines = 0;
    const length = Math.min(text.length, MAX_CHARACTERS);
    let newLine = true;
    let at = 0;
    while (at < length && this.size < MAX_TOKENS) {
      const code = text.charCodeAt(at);
      if (isSpace(code)) {
        if (code === NEWLINE) newLine = true;
        at += 1;
        continue;
      }
      const end = tokenEnd(text, at, length);
      if (newLine) {
        this.lineStarts[this.lines] = this.size;
        this.lines += 1;
        newLine = false;
      }
      this.#add(at, end);
      at = end;
    }
    this.lineStarts[this.lines] = this.size;
  }

  #add(start: number, end: number): void {
    const token = this.size;
    this.size += 1;
    this.starts[token] = start;
    this.ends[token] = end;
    this.line[token] = this.lines - 1;
    const first = this.text.charCodeAt(start);
    this.kinds[token] = isDigit(first) ? TOKEN_KIND.number : isLetter(first) ? TOKEN_KIND.word : TOKEN_KIND.mark;
    let lower = FNV_OFFSET;
    let shape = FNV_OFFSET;
    let before = 0;
    let repeats = 0;
    const affix = token * LONGEST_AFFIX;
    for (let k = 0; k < LONGEST_AFFIX; k += 1) this.prefixes[affix + k] = 0;
    for (let i = start; i < end; i += 1) {
      const code = this.text.charCodeAt(i);
      lower = Math.imul(lower ^ lowerCode(code), FNV_PRIME);
      const place = i - start;
      if (place < LONGEST_AFFIX && i + 1 < end) this.prefixes[affix + place] = mix(lower);
      const shapeClass = classOf(code);
      repeats = shapeClass === before ? repeats + 1 : 1;
      before = shapeClass;
      // Digits keep their number: "dd.dd" is an amount, "dddd" a year.
      if (repeats <= (shapeClass === 3 ? 8 : 2)) shape = Math.imul(shape ^ shapeClass, FNV_PRIME);
    }
    this.lower[token] = mix(lower);
    this.shapes[token] = mix(shape);
    let suffix = FNV_OFFSET;
    for (let k = 0; k < LONGEST_AFFIX; k += 1) {
      const i = end - 1 - k;
      if (i <= start) this.suffixes[affix + k] = 0;
      else {
        suffix = Math.imul(suffix ^ lowerCode(this.text.charCodeAt(i)), FNV_PRIME);
        this.suffixes[affix + k] = mix(suffix);
      }
    }
  }
}

/** One past the token that starts here: a run of letters, a number with its inner marks ("1,234.50", "25/12/2018"), or one mark. */
function tokenEnd(text: string, start: number, length: number): number {
  const first = text.charCodeAt(start);
  let end = start + 1;
  if (isDigit(first)) {
    let joint = 0;
    while (end < length) {
      const code = text.charCodeAt(end);
      if (isDigit(code)) end += 1;
      else if (isJoint(code) && end + 1 < length && isDigit(text.charCodeAt(end + 1)) && (joint === 0 || sameJoint(joint, code))) {
        joint = code;
        end += 1;
      } else break;
    }
    return end;
  }
  // What follows a word after an apostrophe is a token with it ("'s"), so that the word before stands alone.
  const ending = isApostrophe(first) && start > 0 && isLetter(text.charCodeAt(start - 1));
  if (!isLetter(first) && !ending) return isHighSurrogate(first) && end < length ? end + 1 : end;
  // Scripts that write no spaces: each character is a token, so that a passage may begin and end anywhere.
  if (isUnspaced(first)) return end;
  while (end < length && isLetter(text.charCodeAt(end)) && !isUnspaced(text.charCodeAt(end))) end += 1;
  return end;
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Letters of every script, and everything else beyond ASCII that is neither space nor common punctuation. */
export function isLetter(code: number): boolean {
  if (code < 128) return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
  if (code < 0xc0) return code === 0xaa || code === 0xb5 || code === 0xba;
  if (code === 0xd7 || code === 0xf7 || isSpace(code)) return false;
  return !(
    (code >= 0x2000 && code <= 0x2bff) ||
    (code >= 0x3000 && code <= 0x303f) ||
    (code >= 0xd800 && code <= 0xdfff) ||
    code === 0xfffd
  );
}

function isSpace(code: number): boolean {
  return (
    code === 32 ||
    (code >= 9 && code <= 13) ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200b) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000 ||
    code === 0xfeff
  );
}

/** Kana, Chinese characters, Thai, Lao, Khmer and Burmese. */
function isUnspaced(code: number): boolean {
  return (
    (code >= 0x3040 && code <= 0x9fff) ||
    (code >= 0xe00 && code <= 0xeff) ||
    (code >= 0x1000 && code <= 0x109f) ||
    (code >= 0x1780 && code <= 0x17ff)
  );
}

function isApostrophe(code: number): boolean {
  return code === 39 || code === 0x2019;
}

/** Marks that belong to a number when a digit follows: . , / - : */
function isJoint(code: number): boolean {
  return (code >= 44 && code <= 47) || code === 58;
}

/** Point and comma mix in one number; the other marks stand with their own kind. */
function sameJoint(a: number, b: number): boolean {
  return a === b || ((a === 44 || a === 46) && (b === 44 || b === 46));
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function lowerCode(code: number): number {
  if (code < 128) return code >= 65 && code <= 90 ? code + 32 : code;
  return String.fromCharCode(code).toLowerCase().charCodeAt(0);
}

/** 1 upper case, 2 lower case, 3 digit, 4 other letter, otherwise the mark itself. */
function classOf(code: number): number {
  if (isDigit(code)) return 3;
  if (code < 128) {
    if (code >= 65 && code <= 90) return 1;
    return code >= 97 && code <= 122 ? 2 : code;
  }
  if (!isLetter(code)) return code;
  const character = String.fromCharCode(code);
  if (character !== character.toLowerCase()) return 1;
  return character !== character.toUpperCase() ? 2 : 4;
}
