/** A member of a JSON object, by where it stands in the bytes: nothing is copied until it is asked for. */
export interface Member {
  readonly key: string;
  /** Offset of the key's opening quote. */
  readonly keyStart: number;
  readonly valueStart: number;
  /** Offset after the value's last byte. */
  readonly valueEnd: number;
}

/** Bytes that are not one JSON object. `offset` is where reading stopped. */
export class JsonShapeError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'JsonShapeError';
    this.offset = offset;
  }
}

/** Deeper nesting than any request needs; below the depth at which the parsers behind us overflow. */
export const MAX_DEPTH = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * The members of a JSON object in order of appearance, duplicates included, in one pass without recursion. Long strings are skipped at
 * the speed of memchr, so a body full of images costs little. What stands inside a value is not judged beyond its nesting: the
 * upstream reads it. Throws JsonShapeError for anything but one object alone in the bytes, or nesting deeper than MAX_DEPTH.
 */
export function scanMembers(bytes: Buffer, start = 0, end: number = bytes.length): Member[] {
  const members: Member[] = [];
  const after = skipSpace(bytes, scanObject(bytes, start, end, members), end);
  if (after < end) throw new JsonShapeError('something follows the JSON object', after);
  return members;
}

/** Appends the members of the object that begins at `start` and returns the offset after it: the same as scanMembers, whatever follows. */
export function scanObject(bytes: Buffer, start: number, end: number, members: Member[]): number {
  let at = skipSpace(bytes, start, end);
  if (bytes[at] !== OPEN_BRACE || at >= end)
    throw new JsonShapeError(at >= end ? 'the body is empty' : 'the body is not a JSON object', at);
  at = skipSpace(bytes, at + 1, end);
  if (bytes[at] === CLOSE_BRACE && at < end) return at + 1;
  for (;;) {
    if (at >= end || bytes[at] !== QUOTE) throw new JsonShapeError('a member name is missing', at);
    const keyStart = at;
    const keyEnd = stringEnd(bytes, at, end);
    at = skipSpace(bytes, keyEnd, end);
    if (at >= end || bytes[at] !== COLON) throw new JsonShapeError('a colon is missing after a member name', at);
    const valueStart = skipSpace(bytes, at + 1, end);
    const valueEnd = skipValue(bytes, valueStart, end);
    members.push({ key: readName(bytes, keyStart, keyEnd), keyStart, valueStart, valueEnd });
    at = skipSpace(bytes, valueEnd, end);
    if (at < end && bytes[at] === COMMA) at = skipSpace(bytes, at + 1, end);
    else if (at < end && bytes[at] === CLOSE_BRACE) return at + 1;
    else throw new JsonShapeError(at >= end ? 'the JSON ends too early' : 'a comma or the end of the object is missing', at);
  }
}

/** Offset of the first element of the JSON list that opens at `start`; -1 for an empty one. Throws JsonShapeError where it is no list. */
export function firstElement(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] !== OPEN_BRACKET) throw new JsonShapeError('this is not a JSON list', start);
  const at = skipSpace(bytes, start + 1, end);
  return at >= end || bytes[at] === CLOSE_BRACKET ? -1 : at;
}

/** Offset of the element after the one that ends at `elementEnd`; -1 when that was the last. */
export function nextElement(bytes: Buffer, elementEnd: number, end: number): number {
  const at = skipSpace(bytes, elementEnd, end);
  if (at >= end || bytes[at] === CLOSE_BRACKET) return -1;
  if (bytes[at] !== COMMA) throw new JsonShapeError('a comma or the end of the list is missing', at);
  return skipSpace(bytes, at + 1, end);
}

function skipSpace(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break;
    at += 1;
  }
  return at;
}

/** Offset after the closing quote of the string that opens at `open`. */
function stringEnd(bytes: Buffer, open: number, end: number): number {
  let from = open + 1;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, from);
    if (quote < 0 || quote >= end) throw new JsonShapeError('a string does not end', open);
    let slashes = 0;
    while (bytes[quote - 1 - slashes] === BACKSLASH && quote - 1 - slashes > open) slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
    from = quote + 1;
  }
}

/** Short texts seen last, each at a place of its own kind: requests have few names, and decoding them is half of reading them. */
const SEEN: string[] = new Array<string>(256).fill('');
const MAX_SEEN_BYTES = 32;
const PLAIN = /^[\x20-\x7e]+$/;

/** The text of a member's name, whose quotes are at `start` and before `end`. */
function readName(bytes: Buffer, start: number, end: number): string {
  const seen = seenText(bytes, start, end);
  if (seen !== null) return seen;
  const name = readString(bytes, start, end);
  keepText(bytes, start, end, name);
  return name;
}

/** The text of a string, where it was seen lately; null where it must be decoded. */
function seenText(bytes: Buffer, start: number, end: number): string | null {
  const length = end - start - 2;
  if (length < 1 || length > MAX_SEEN_BYTES) return null;
  const seen = SEEN[placeOf(bytes, start, end)] as string;
  if (seen.length !== length) return null;
  for (let i = 0; i < length; i += 1) if (seen.charCodeAt(i) !== bytes[start + 1 + i]) return null;
  return seen;
}

/** Remembers a text whose characters are its bytes: an escape and a character beyond ASCII are longer in bytes. */
function keepText(bytes: Buffer, start: number, end: number, text: string): void {
  if (text.length === end - start - 2 && text.length <= MAX_SEEN_BYTES && PLAIN.test(text)) SEEN[placeOf(bytes, start, end)] = text;
}

/** By the length, the first, the middle and the last byte; the factors keep the names of requests apart. */
function placeOf(bytes: Buffer, start: number, end: number): number {
  const length = end - start - 2;
  const middle = bytes[start + 1 + (length >> 1)] as number;
  return (length + (bytes[start + 1] as number) + middle * 17 + (bytes[end - 2] as number) * 15) & 0xff;
}

/** The text of a string; escapes are decoded, so that `"mod\u0065l"` is the member it is to every other reader. */
function readString(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start + 1, end - 1);
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    throw new JsonShapeError('a member name has a bad escape', start);
  }
}

/** Offset after the value that begins at `from`. Throws JsonShapeError when there is none. */
export function skipValue(bytes: Buffer, from: number, end: number): number {
  if (from >= end) throw new JsonShapeError('a value is missing', from);
  const first = bytes[from];
  if (first === QUOTE) return stringEnd(bytes, from, end);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(bytes, from, end);
  let at = from;
  while (at < end && SCALAR[bytes[at] as number] === 1) at += 1;
  if (at === from) throw new JsonShapeError('a value is missing', from);
  return at;
}

/** 1 for digits, signs, a dot and letters: what numbers, true, false and null are made of. */
const SCALAR = Uint8Array.from({ length: 256 }, (_, byte) => (/[0-9+.A-Za-z-]/.test(String.fromCharCode(byte)) ? 1 : 0));

/** What must close each level that is open: written before it is read, and by one reader at a time. */
const closers = new Uint8Array(MAX_DEPTH);

function skipNested(bytes: Buffer, from: number, end: number): number {
  let depth = 0;
  let at = from;
  while (at < end) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = stringEnd(bytes, at, end);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) throw new JsonShapeError(`the JSON is nested deeper than ${MAX_DEPTH} levels`, at);
      closers[depth] = byte + 2;
      depth += 1;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
      if (closers[depth] !== byte) throw new JsonShapeError('brackets do not match', at);
      if (depth === 0) return at + 1;
    }
    at += 1;
  }
  throw new JsonShapeError('the JSON ends too early', end);
}

/** The last member of a name (the one that a parser keeps), or undefined. */
export function lastMember(members: readonly Member[], key: string): Member | undefined {
  for (let i = members.length - 1; i >= 0; i -= 1) if (members[i]?.key === key) return members[i];
  return undefined;
}

/** The parsed value of the last member of a name; undefined when there is none. Throws JsonShapeError when its bytes are not JSON. */
export function memberValue(bytes: Buffer, members: readonly Member[], key: string): unknown {
  const member = lastMember(members, key);
  if (!member) return undefined;
  const { valueStart, valueEnd } = member;
  const seen = bytes[valueStart] === QUOTE ? seenText(bytes, valueStart, valueEnd) : null;
  if (seen !== null) return seen;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8', valueStart, valueEnd));
    if (typeof value === 'string') keepText(bytes, valueStart, valueEnd, value);
    return value;
  } catch {
    throw new JsonShapeError(`the value of "${key}" is not JSON`, valueStart);
  }
}
