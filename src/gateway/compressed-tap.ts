import { decompressed, type Tap, type TapReport } from '../providers/index.ts';

/** An answer is read in one piece while others wait: beyond either length it stays unread. */
const MAX_COMPRESSED = 1024 * 1024;
const MAX_DECOMPRESSED = 16 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * A tap for an answer that its upstream compressed although it was asked not to. The bytes pass as they are, and what came of them is
 * read when `report` is first called, so call that when no more will come.
 */
export class CompressedTap implements Tap {
  readonly edits = false;
  /** Nobody knows before the bytes are read, which is after the end. */
  readonly ended = false;
  readonly #coding: string;
  readonly #open: () => Tap;
  /** Null for an answer that is too long. */
  #chunks: Buffer[] | null = [];
  #length = 0;
  #report: TapReport | null = null;

  /** `open` makes the tap for the answer as it would be if it were not compressed. */
  constructor(coding: string, open: () => Tap) {
    this.#coding = coding;
    this.#open = open;
  }

  push(chunk: Buffer): Buffer {
    this.#length += chunk.length;
    if (this.#length > MAX_COMPRESSED) this.#chunks = null;
    this.#chunks?.push(chunk);
    return chunk;
  }

  end(): Buffer {
    return NOTHING;
  }

  report(): TapReport {
    this.#report ??= this.#read();
    return this.#report;
  }

  #read(): TapReport {
    const chunks = this.#chunks;
    this.#chunks = null;
    const plain = chunks === null ? null : decompressed(this.#coding, Buffer.concat(chunks), MAX_DECOMPRESSED);
    const tap = this.#open();
    // It has heard nothing, and nothing is held against the answer.
    if (plain === null) return { ...tap.report(), complete: true, legible: true };
    // No frame of what is so short is too long for a tap.
    tap.push(plain);
    tap.end();
    return tap.report();
  }
}
