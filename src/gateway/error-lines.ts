import { maskError } from './error-mask.ts';

const LF = 0x0a;
const CR = 0x0d;
const NOTHING = Buffer.alloc(0);
/** Every line of an error holds this, in its event's name, its members' or its type. */
const ERROR = Buffer.from('error');
const EVENT_ERROR = /^event: ?error$/;
/** No error is as long. A longer line (an image, a whole answer) goes on as it comes. */
const MAX_HELD = 4 * 1024 * 1024;

/**
 * Passes a stream on line by line and masks the account's ids in its errors, see `maskError`. All other bytes are those that came, and
 * are held back only until their line is whole, before which no client can read it either.
 */
export class ErrorLines {
  /** A line that is not yet whole. */
  #held: Buffer[] = [];
  #heldLength = 0;
  /** The lines until the next empty one belong to an error. */
  #isInError = false;
  /** A line feed that comes first ends no line of its own. */
  #isAfterCr = false;

  /** Takes the next bytes and returns those that go on: the same buffer in the usual case. May be empty. */
  push(chunk: Buffer): Buffer {
    const { length } = chunk;
    if (length === 0) return chunk;
    const end = chunk[length - 1] === LF ? length : Math.max(chunk.lastIndexOf(LF), chunk.lastIndexOf(CR)) + 1;
    if (end === length && this.#heldLength === 0) return this.#masked(chunk);
    if (end > 0) {
      const whole = this.#release(chunk.subarray(0, end));
      if (end < length) this.#hold(chunk.subarray(end));
      return this.#masked(whole);
    }
    if (this.#heldLength + length > MAX_HELD) return this.#release(chunk);
    this.#hold(chunk);
    return NOTHING;
  }

  /** The stream is over: returns what was held. */
  end(): Buffer {
    return this.#heldLength === 0 ? NOTHING : this.#masked(this.#release(NOTHING));
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldLength += bytes.length;
  }

  #release(bytes: Buffer): Buffer {
    if (this.#heldLength === 0) return bytes;
    const all = Buffer.concat([...this.#held, bytes]);
    this.#held = [];
    this.#heldLength = 0;
    return all;
  }

  #masked(bytes: Buffer): Buffer {
    const isAfterCr = this.#isAfterCr;
    this.#isAfterCr = bytes[bytes.length - 1] === CR;
    if (!this.#isInError && !bytes.includes(ERROR)) return bytes;
    const pieces: Buffer[] = [];
    let from = isAfterCr && bytes[0] === LF ? 1 : 0;
    if (from === 1) pieces.push(bytes.subarray(0, 1));
    let isChanged = false;
    while (from < bytes.length) {
      const end = lineEnd(bytes, from);
      const next = bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
      const line = bytes.subarray(from, end);
      const told = this.#line(line);
      isChanged ||= told !== line;
      pieces.push(told, bytes.subarray(end, next));
      from = next;
    }
    return isChanged ? Buffer.concat(pieces) : bytes;
  }

  #line(line: Buffer): Buffer {
    if (line.length === 0) {
      this.#isInError = false;
      return line;
    }
    if (EVENT_ERROR.test(line.toString('latin1', 0, 16))) {
      this.#isInError = true;
      return line;
    }
    const { bytes, isOpen } = maskError(line, this.#isInError);
    this.#isInError ||= isOpen;
    return bytes;
  }
}

/** Where the line that begins at `from` ends: at its line break, or with the bytes. */
function lineEnd(bytes: Buffer, from: number): number {
  const lf = bytes.indexOf(LF, from);
  const cr = bytes.indexOf(CR, from);
  if (lf === -1) return cr === -1 ? bytes.length : cr;
  return cr === -1 ? lf : Math.min(lf, cr);
}
