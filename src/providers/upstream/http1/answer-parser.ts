import { type AnswerHead, readAnswerHead } from './answer-head.ts';
import { NotHttp } from './errors.ts';

/** Longest head, and longest line of a chunk's size with its extensions. */
const MAX_HEAD = 64 * 1024;
const MAX_LINE = 4 * 1024;
const MAX_TRAILER = 16 * 1024;
const LF = 0x0a;
const CR = 0x0d;
const NOTHING = Buffer.alloc(0);

/** Hears what a parser finds. */
export interface ParserOwner {
  /** The head of the final answer; interim ones (1xx) are passed over. */
  onHead(head: AnswerHead): void;
  /** Bytes of the body, with every framing gone. They are valid until this returns. */
  onBody(bytes: Buffer): void;
  /** The answer is whole. `isClean`: nothing came after it. Nothing is told after this until `begin`. */
  onEnd(isClean: boolean): void;
}

type State = 'idle' | 'head' | 'length' | 'close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer';

/** Reads one HTTP/1.1 answer after the other from the bytes of a connection (RFC 9112), at any boundary between them. */
export class AnswerParser {
  readonly #owner: ParserOwner;
  #state: State = 'idle';
  #isAnswerToHead = false;
  /** Bytes of a head or a line that is not whole yet. */
  #kept: Buffer = NOTHING;
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  #trailer = 0;

  constructor(owner: ParserOwner) {
    this.#owner = owner;
  }

  /** A request was sent: the next answer is its. */
  begin(isAnswerToHead: boolean): void {
    this.#state = 'head';
    this.#isAnswerToHead = isAnswerToHead;
    this.#kept = NOTHING;
  }

  /** Takes bytes as they come. Throws NotHttp for what is no answer, and for bytes that nobody asked for. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#step(chunk, at);
  }

  /** The connection ended. True where that is how the answer ends. */
  finish(): boolean {
    if (this.#state !== 'close') return false;
    this.#end(true);
    return true;
  }

  #step(chunk: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#head(chunk, at);
      case 'length':
      case 'chunk':
        return this.#counted(chunk, at);
      case 'close':
        this.#owner.onBody(at === 0 ? chunk : chunk.subarray(at));
        return chunk.length;
      case 'chunk-size':
      case 'chunk-end':
      case 'trailer':
        return this.#line(chunk, at);
      case 'idle':
        throw new NotHttp('it came without a request');
    }
  }

  #head(chunk: Buffer, at: number): number {
    const before = this.#kept.length;
    const bytes = before === 0 ? (at === 0 ? chunk : chunk.subarray(at)) : Buffer.concat([this.#kept, chunk.subarray(at)]);
    // The empty line may have begun in what was kept.
    const end = bytes.indexOf('\r\n\r\n', Math.max(0, before - 3), 'latin1');
    if (end > MAX_HEAD || (end === -1 && bytes.length > MAX_HEAD)) throw new NotHttp('its head is too long');
    if (end === -1) {
      // A copy: the bytes may be written over once this returns.
      this.#kept = before === 0 ? Buffer.from(bytes) : bytes;
      return chunk.length;
    }
    this.#kept = NOTHING;
    const head = readAnswerHead(bytes.toString('latin1', 0, end), this.#isAnswerToHead);
    const next = at + end + 4 - before;
    if (head.status < 200) {
      if (head.status === 101) throw new NotHttp('it changes the protocol');
      return next;
    }
    this.#begun(head, chunk.length - next);
    return next;
  }

  #begun(head: AnswerHead, leftInChunk: number): void {
    this.#left = head.length;
    this.#trailer = 0;
    this.#state = head.framing === 'chunked' ? 'chunk-size' : head.framing === 'none' ? 'head' : head.framing;
    this.#owner.onHead(head);
    if (head.framing === 'none') this.#end(leftInChunk === 0);
  }

  #counted(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    this.#owner.onBody(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (this.#left > 0 || this.#state === 'idle') return end;
    if (this.#state === 'chunk') this.#state = 'chunk-end';
    else this.#end(end === chunk.length);
    return end;
  }

  /** Chunk sizes, the line end after a chunk, and trailers, which are passed over (RFC 9112 §7.1). */
  #line(chunk: Buffer, at: number): number {
    const end = chunk.indexOf(LF, at);
    if (this.#kept.length + (end === -1 ? chunk.length : end) - at > MAX_LINE) throw new NotHttp('a line of its framing is too long');
    if (end === -1) {
      this.#kept = Buffer.concat([this.#kept, chunk.subarray(at)]);
      return chunk.length;
    }
    let line = chunk.subarray(at, end);
    if (this.#kept.length > 0) {
      line = Buffer.concat([this.#kept, line]);
      this.#kept = NOTHING;
    }
    if (line.length === 0 || line[line.length - 1] !== CR) throw new NotHttp('a line of its framing ends without a carriage return');
    const next = end + 1;
    this.#lineRead(line, next === chunk.length);
    return next;
  }

  #lineRead(line: Buffer, isLast: boolean): void {
    if (this.#state === 'chunk-size') {
      this.#left = sizeOf(line);
      this.#state = this.#left === 0 ? 'trailer' : 'chunk';
    } else if (this.#state === 'chunk-end') {
      if (line.length !== 1) throw new NotHttp('a chunk is longer than it said');
      this.#state = 'chunk-size';
    } else if (line.length === 1) this.#end(isLast);
    else {
      this.#trailer += line.length;
      if (this.#trailer > MAX_TRAILER) throw new NotHttp('its trailer is too long');
    }
  }

  #end(isClean: boolean): void {
    this.#state = 'idle';
    this.#owner.onEnd(isClean);
  }
}

/** The size of a chunk: hexadecimal digits, then at most extensions, which mean nothing to us. */
function sizeOf(line: Buffer): number {
  let size = 0;
  let digits = 0;
  for (; digits < line.length; digits += 1) {
    const value = hexOf(line[digits] as number);
    if (value === -1) break;
    size = size * 16 + value;
  }
  const after = line[digits];
  const isPlain = after === CR || after === 0x3b || after === 0x20 || after === 0x09;
  if (digits === 0 || digits > 12 || !isPlain) throw new NotHttp('the size of a chunk is no number');
  return size;
}

function hexOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
