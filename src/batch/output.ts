import { closeSync, constants, existsSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { SmallfirstError } from '../core/index.ts';

/** A file that rows are added to, whose length at a checkpoint is known. */
export class RowFile {
  readonly #path: string;
  #descriptor: number | null = null;
  #bytes: number;

  /** Goes on after `bytes` of an earlier run, cutting off what came after: 0 begins anew. Throws USAGE where the file is shorter. */
  constructor(path: string, bytes: number) {
    this.#path = path;
    const length = existsSync(path) ? statSync(path).size : 0;
    if (length < bytes) {
      throw new SmallfirstError('USAGE', `${path} is shorter than an earlier run left it: without --resume the job begins anew.`);
    }
    if (length > bytes) truncateSync(path, bytes);
    this.#bytes = bytes;
  }

  /** Bytes that are written. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes the file, where nothing was written yet. */
  touch(): void {
    this.#descriptor ??= openSync(this.#path, constants.O_WRONLY | constants.O_CREAT, 0o644);
  }

  /** Writes a whole text after what is there, or counts nothing of it: after a failure the same text may be written again. */
  write(text: string): void {
    if (text === '') return;
    this.touch();
    const bytes = Buffer.from(text);
    writeWhole(this.#descriptor as number, bytes, this.#bytes);
    this.#bytes += bytes.length;
  }

  /** Takes back what was written after `bytes`: the next text is written over it. */
  rewind(bytes: number): void {
    this.#bytes = bytes;
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }
}

/** Writes all bytes at a place of a file. Throws the operating system's error. */
export function writeWhole(descriptor: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, position + at);
}
