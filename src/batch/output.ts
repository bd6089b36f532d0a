import { closeSync, existsSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';

/** A file that rows are added to, whose length at a checkpoint is known. */
export class RowFile {
  readonly #path: string;
  #descriptor: number | null = null;
  #bytes: number;

  /** Goes on after `bytes` of an earlier run, cutting off what came after: 0 begins anew. Throws RangeError where the file is shorter. */
  constructor(path: string, bytes: number) {
    this.#path = path;
    const length = existsSync(path) ? statSync(path).size : 0;
    if (length < bytes) throw new RangeError(`${path} is shorter than an earlier run left it`);
    if (length > bytes) truncateSync(path, bytes);
    this.#bytes = bytes;
  }

  /** Bytes that are written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes the file, where nothing was written yet. */
  touch(): void {
    this.#descriptor ??= openSync(this.#path, 'a', 0o644);
  }

  write(text: string): void {
    if (text === '') return;
    this.touch();
    const bytes = Buffer.from(text);
    let at = 0;
    while (at < bytes.length) at += writeSync(this.#descriptor as number, bytes, at);
    this.#bytes += bytes.length;
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }
}
