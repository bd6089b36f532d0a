const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

/** Cuts bytes into lines. A line longer than `maxBytes` is passed over and counted, so that memory stays bounded. */
export class LineCutter {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #length = 0;
  #skips = false;
  /** Lines that were too long. */
  tooLong = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that these bytes complete, without their line feeds; views into them where a line lies within. */
  push(chunk: Buffer): readonly Buffer[] {
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
      this.#add(chunk.subarray(from, at));
      const line = this.#take();
      if (line !== null) lines.push(line);
      from = at + 1;
    }
    this.#add(chunk.subarray(from));
    return lines;
  }

  /** The last line, where it does not end in a line feed; null for none. */
  end(): Buffer | null {
    const line = this.#take();
    return line === null || line.length === 0 ? null : line;
  }

  #add(piece: Buffer): void {
    if (piece.length === 0 || this.#skips) return;
    this.#length += piece.length;
    if (this.#length <= this.#maxBytes) this.#pieces.push(piece);
    else {
      this.#skips = true;
      this.#pieces = [];
      this.tooLong += 1;
    }
  }

  #take(): Buffer | null {
    const pieces = this.#pieces;
    const isWhole = !this.#skips;
    this.#pieces = [];
    this.#length = 0;
    this.#skips = false;
    if (!isWhole) return null;
    return pieces.length === 1 ? (pieces[0] ?? NOTHING) : Buffer.concat(pieces);
  }
}
