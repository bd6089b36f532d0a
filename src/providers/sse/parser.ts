import { SmallfirstError } from '../../core/index.ts';

/** One dispatched event. With `keepRaw`, a block without data (a comment, a lone retry) comes too, with `data` ''. */
export interface SseFrame {
  /** Value of the `event:` field, null when there was none. */
  readonly event: string | null;
  /** The data lines, joined by LF; '' only for a block that holds bytes to pass on but nothing to read. */
  readonly data: string;
  /** The bytes of the whole block as received, terminator included. Only with `keepRaw`. */
  readonly raw?: Uint8Array;
}

export interface SseParserOptions {
  /** Give every block its bytes, so that a proxy can forward exactly what came. Default false. */
  readonly keepRaw?: boolean;
  /** A block longer than this ends the stream with UPSTREAM_INVALID. Default 32 MiB. */
  readonly maxFrameBytes?: number;
}

const LF = 10;
const CR = 13;
const COLON = 58;
const SPACE = 32;
const DEFAULT_MAX_FRAME_BYTES = 32 * 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

/**
 * Reads server-sent events from bytes that may be split anywhere: inside a line ending, a field name or a UTF-8 sequence.
 *
 * Lines are cut at LF, CR and CRLF bytes and only then decoded, so no character is ever split. Bytes are copied
 * only where a block does not end in the chunk that it began in.
 */
export class SseParser {
  readonly #keepRaw: boolean;
  readonly #maxFrameBytes: number;
  /** Bytes of the block that is not yet complete: the first `#held` bytes of `#store`. */
  #store: Buffer = NO_BYTES;
  #held = 0;
  /** Where in the held bytes the unfinished line begins. */
  #lineStart = 0;
  #skipLf = false;
  #atStreamStart = true;
  #event: string | null = null;
  #data: string | null = null;

  constructor(options: SseParserOptions = {}) {
    this.#keepRaw = options.keepRaw ?? false;
    this.#maxFrameBytes = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES;
  }

  /** Takes the next bytes and returns the events that they complete. Throws UPSTREAM_INVALID when a block grows too long. */
  push(bytes: Uint8Array): SseFrame[] {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const scanFrom = this.#held;
    if (this.#held === 0) return this.#scan(chunk, 0);
    this.#append(chunk);
    return this.#scan(this.#store.subarray(0, this.#held), scanFrom);
  }

  /** The stream is over. A last block that lacks only its blank line is still given out; half a line never is. */
  end(): SseFrame[] {
    const frame = this.#dispatch(this.#store, 0, this.#held);
    this.#held = 0;
    this.#lineStart = 0;
    return frame === null || (frame.data === '' && this.#isEmptyRaw(frame)) ? [] : [frame];
  }

  #isEmptyRaw(frame: SseFrame): boolean {
    return frame.raw === undefined || frame.raw.byteLength === 0;
  }

  #scan(buffer: Buffer, scanFrom: number): SseFrame[] {
    const frames: SseFrame[] = [];
    let blockStart = 0;
    let lineStart = this.#lineStart;
    let position = scanFrom;
    let nextCr = buffer.indexOf(CR, position);
    let nextLf = buffer.indexOf(LF, position);
    while (nextLf !== -1 || nextCr !== -1) {
      if (this.#skipLf) {
        this.#skipLf = false;
        // The LF of a CRLF whose CR already ended the line; with raw bytes it belongs to the block that follows.
        if (nextLf === position) {
          lineStart = position + 1;
          if (!this.#keepRaw && blockStart === position) blockStart = lineStart;
          position = lineStart;
          nextLf = buffer.indexOf(LF, position);
          continue;
        }
      }
      const atCr = nextCr !== -1 && (nextLf === -1 || nextCr < nextLf);
      const end = atCr ? nextCr : nextLf;
      position = end + 1;
      if (atCr) {
        if (position === buffer.length) this.#skipLf = true;
        else if (buffer[position] === LF) position++;
        nextCr = buffer.indexOf(CR, position);
      }
      if (nextLf !== -1 && nextLf < position) nextLf = buffer.indexOf(LF, position);
      if (this.#line(buffer, lineStart, end)) {
        const frame = this.#dispatch(buffer, blockStart, position);
        if (frame !== null) frames.push(frame);
        blockStart = position;
      }
      lineStart = position;
    }
    if (this.#skipLf && position < buffer.length) this.#skipLf = false;
    this.#hold(buffer, blockStart, lineStart);
    return frames;
  }

  /** Reads one line; true when it is the blank line that ends a block. */
  #line(buffer: Buffer, from: number, end: number): boolean {
    let start = from;
    if (this.#atStreamStart) {
      this.#atStreamStart = false;
      if (buffer[start] === 0xef && buffer[start + 1] === 0xbb && buffer[start + 2] === 0xbf && end - start >= 3) start += 3;
    }
    if (start === end) return true;
    const colon = buffer.indexOf(COLON, start);
    const nameEnd = colon === -1 || colon >= end ? end : colon;
    const length = nameEnd - start;
    if (length !== 4 && length !== 5) return false;
    const name = buffer.toString('latin1', start, nameEnd);
    if (name !== 'data' && name !== 'event') return false;
    let valueStart = Math.min(nameEnd + 1, end);
    if (valueStart < end && buffer[valueStart] === SPACE) valueStart++;
    const value = buffer.toString('utf8', valueStart, end);
    if (name === 'event') this.#event = value === '' ? null : value;
    else this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
    return false;
  }

  #dispatch(buffer: Buffer, from: number, end: number): SseFrame | null {
    const data = this.#data ?? '';
    const event = this.#event;
    this.#data = null;
    this.#event = null;
    if (this.#keepRaw) return { event, data, raw: this.#bytesOf(buffer, from, end) };
    return data === '' ? null : { event, data };
  }

  /** A view where the bytes are the caller's own chunk; a copy where they lie in our store, which is written again. */
  #bytesOf(buffer: Buffer, from: number, end: number): Uint8Array {
    const view = buffer.subarray(from, end);
    return buffer.buffer === this.#store.buffer ? new Uint8Array(view) : view;
  }

  /** Keeps the bytes of the unfinished block; without raw bytes, of the unfinished line. */
  #hold(buffer: Buffer, blockStart: number, lineStart: number): void {
    const from = this.#keepRaw ? blockStart : lineStart;
    const held = buffer.length - from;
    const pending = held + (this.#keepRaw ? 0 : (this.#data?.length ?? 0));
    if (pending > this.#maxFrameBytes)
      throw new SmallfirstError('UPSTREAM_INVALID', `A server-sent event is longer than ${this.#maxFrameBytes} bytes.`);
    if (buffer.buffer === this.#store.buffer && this.#held > 0) this.#store.copyWithin(0, from, buffer.length);
    else if (held > 0) {
      if (this.#store.length < held) this.#store = Buffer.allocUnsafeSlow(Math.max(1024, held * 2));
      buffer.copy(this.#store, 0, from);
    }
    this.#held = held;
    this.#lineStart = lineStart - from;
  }

  #append(chunk: Buffer): void {
    const needed = this.#held + chunk.length;
    if (needed > this.#store.length) {
      const grown = Buffer.allocUnsafeSlow(needed * 2);
      this.#store.copy(grown, 0, 0, this.#held);
      this.#store = grown;
    }
    chunk.copy(this.#store, this.#held);
    this.#held = needed;
  }
}
