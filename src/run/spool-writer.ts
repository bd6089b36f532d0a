import { closeSync, constants, fdatasync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { listSegments, makeSpoolFolder, readPosition, type SpoolPosition, segmentPath } from './spool-folder.ts';

/** Appending only, and never to a file that is there: the tail of an older one may be torn. */
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
const BUFFER = 64 * 1024;

/**
 * Writes whole lines to the end of a spool, each text with one write(2): when `append` has returned, the lines outlive this process.
 * The one writer of its folder.
 */
export class SpoolWriter {
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER);
  #file: number;
  #segment: number;
  #offset = 0;
  /** The segment ends in part of a line: nothing may follow it. */
  #torn = false;
  #synced = 0;

  /** Begins a new segment after all that were ever there. Throws the operating system's error when it cannot. */
  constructor(folder: string, segmentBytes: number) {
    makeSpoolFolder(folder);
    this.#folder = folder;
    this.#segmentBytes = segmentBytes;
    this.#segment = Math.max(readPosition(folder).segment, listSegments(folder).at(-1) ?? 0) + 1;
    this.#file = openSync(segmentPath(folder, this.#segment), FLAGS, 0o600);
  }

  /** The end of what was written. */
  get position(): SpoolPosition {
    return { segment: this.#segment, offset: this.#offset };
  }

  /** Appends lines and returns how many bytes they took. Throws when they could not be written whole; later lines are not harmed by it. */
  append(lines: string): number {
    if (this.#torn || this.#offset >= this.#segmentBytes) this.#next();
    let bytes = this.#buffer;
    let length: number;
    // A UTF-16 unit takes at most three bytes.
    if (lines.length * 3 <= BUFFER) length = bytes.write(lines, 0, 'utf8');
    else {
      bytes = Buffer.from(lines, 'utf8');
      length = bytes.length;
    }
    const written = writeSync(this.#file, bytes, 0, length);
    this.#offset += written;
    if (written < length) {
      this.#torn = true;
      throw new Error(`only ${written} of ${length} bytes were written`);
    }
    return length;
  }

  /** Begins a new segment, unless this one is empty. Throws when none can be made; then this one goes on. */
  rotate(): void {
    if (this.#offset > 0) this.#begin();
  }

  /** A segment that may be longer is better than a row that is lost; a torn one may not. */
  #next(): void {
    try {
      this.#begin();
    } catch (error) {
      if (this.#torn) throw error;
    }
  }

  #begin(): void {
    const next = openSync(segmentPath(this.#folder, this.#segment + 1), FLAGS, 0o600);
    const last = this.#file;
    this.#file = next;
    this.#segment += 1;
    this.#offset = 0;
    this.#torn = false;
    this.#synced = 0;
    closeSync(last);
  }

  /** Asks the disk to keep what was written, without waiting for it. `failed` hears of an error. */
  sync(failed: (error: Error) => void): void {
    if (this.#offset === this.#synced) return;
    const { segment, offset } = this.position;
    fdatasync(this.#file, (error) => {
      if (!error && segment === this.#segment) this.#synced = Math.max(this.#synced, offset);
      // The file may have been closed for the next one meanwhile.
      if (error && segment === this.#segment) failed(error);
    });
  }

  /** Closes the segment; nothing may be appended after it. */
  close(sync: boolean): void {
    try {
      if (sync) fdatasyncSync(this.#file);
    } finally {
      closeSync(this.#file);
    }
  }
}
