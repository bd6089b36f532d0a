import { closeSync, openSync, readSync, unlinkSync } from 'node:fs';
import { listSegments, readPosition, type SpoolPosition, segmentPath, writePosition } from './spool-folder.ts';

const NEWLINE = 10;
/** Some hundred rows: more at once would be little cheaper for each, and keep a processor busy for longer. */
const CHUNK = 128 * 1024;

/** What reading on found: lines, or the end of a segment that nobody writes any more, with the bytes of a line torn off there. */
export type SpoolPiece =
  | { readonly kind: 'lines'; readonly lines: readonly string[]; readonly from: SpoolPosition; readonly bytes: number }
  | { readonly kind: 'end'; readonly segment: number; readonly tornBytes: number };

/** Reads a spool from where reading had come to, while it is written. A line without its newline is not yet a line, or never will be. */
export class SpoolReader {
  readonly #folder: string;
  /** Segments before this one were written by processes that are gone. */
  readonly #liveFrom: number;
  #position: SpoolPosition;
  #file: { readonly segment: number; readonly descriptor: number } | null = null;
  #buffer = Buffer.allocUnsafeSlow(CHUNK);
  #isClosed = false;

  constructor(folder: string, liveFrom: number) {
    this.#folder = folder;
    this.#liveFrom = liveFrom;
    this.#position = readPosition(folder);
    // Read to their end, by a process that ended before it had removed them.
    for (const segment of listSegments(folder)) if (segment < this.#position.segment) unlinkSync(segmentPath(folder, segment));
  }

  /** Everything before it was taken. */
  get position(): SpoolPosition {
    return this.#position;
  }

  /** Tells that the writer has closed the last segment too. */
  closeLast(): void {
    this.#isClosed = true;
  }

  /** What comes next, the same again until `take` is called; null when nothing more is there now. */
  read(): SpoolPiece | null {
    // Listed before reading: a segment that has a successor now had its last byte before now.
    const segments = listSegments(this.#folder).filter((segment) => segment >= this.#position.segment);
    const segment = segments[0];
    if (segment === undefined) return null;
    if (segment > this.#position.segment) this.#position = { segment, offset: 0 };
    const isWhole = segments.length > 1 || segment < this.#liveFrom || this.#isClosed;
    const length = this.#fill(this.#open(segment));
    const end = this.#buffer.lastIndexOf(NEWLINE, length - 1);
    if (length > 0 && end >= 0) {
      const lines = this.#buffer.toString('utf8', 0, end).split('\n');
      return { kind: 'lines', lines, from: this.#position, bytes: end + 1 };
    }
    return isWhole ? { kind: 'end', segment, tornBytes: length } : null;
  }

  /** Remembers that a piece was taken; a segment that was read to its end is removed. */
  take(piece: SpoolPiece): void {
    if (piece.kind === 'lines') {
      this.#position = { segment: this.#position.segment, offset: this.#position.offset + piece.bytes };
      // A long line made it larger; later batches are to be of the usual size.
      if (this.#buffer.length > CHUNK) this.#buffer = Buffer.allocUnsafeSlow(CHUNK);
    } else {
      this.close();
      unlinkSync(segmentPath(this.#folder, piece.segment));
      this.#position = { segment: piece.segment + 1, offset: 0 };
    }
    try {
      writePosition(this.#folder, this.#position);
    } catch {
      // The disk is full: what is forgotten is read again after a restart, which counts nothing twice.
    }
  }

  /** Counts what the processes before this one left. */
  countLeft(): { readonly rows: number; readonly bytes: number } {
    let rows = 0;
    let bytes = 0;
    for (const segment of listSegments(this.#folder)) {
      if (segment < this.#position.segment || segment >= this.#liveFrom) continue;
      const file = openSync(segmentPath(this.#folder, segment), 'r');
      let at = segment === this.#position.segment ? this.#position.offset : 0;
      for (;;) {
        const length = readSync(file, this.#buffer, 0, this.#buffer.length, at);
        if (length === 0) break;
        for (let i = this.#buffer.indexOf(NEWLINE); i >= 0 && i < length; i = this.#buffer.indexOf(NEWLINE, i + 1)) rows += 1;
        at += length;
        bytes += length;
      }
      closeSync(file);
    }
    return { rows, bytes };
  }

  close(): void {
    if (this.#file) closeSync(this.#file.descriptor);
    this.#file = null;
  }

  #open(segment: number): number {
    if (this.#file?.segment !== segment) {
      this.close();
      this.#file = { segment, descriptor: openSync(segmentPath(this.#folder, segment), 'r') };
    }
    return this.#file.descriptor;
  }

  /** Fills the buffer from the position on, and makes it larger until a newline or the end of the file is in it. */
  #fill(descriptor: number): number {
    for (;;) {
      const length = readSync(descriptor, this.#buffer, 0, this.#buffer.length, this.#position.offset);
      if (length < this.#buffer.length || this.#buffer.includes(NEWLINE)) return length;
      this.#buffer = Buffer.allocUnsafeSlow(this.#buffer.length * 2);
    }
  }
}
