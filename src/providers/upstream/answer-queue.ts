import type { AnswerHead, AnswerSink, Exchange, UpstreamError } from './types.ts';

/** Bytes that wait to be read before the upstream is held back. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** The bytes of an answer, in order. */
export interface AnswerBytes {
  /** The next bytes, null at the end. Throws what went wrong, after the bytes that came before. */
  next(): Promise<Buffer | null>;
}

/** All bytes from here on, up to a length; what is longer is cut there. */
export async function restOf(bytes: AnswerBytes, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < maxBytes) {
    const chunk = await bytes.next();
    if (chunk === null) break;
    chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

/** An answer that is pulled instead of pushed: its head, then its bytes. Slow readers hold the upstream back. */
export class AnswerQueue implements AnswerSink, AnswerBytes {
  #head: AnswerHead | null = null;
  readonly #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #isHeld = false;
  #isEnded = false;
  #error: UpstreamError | null = null;
  #wake: (() => void) | null = null;
  /** Set by whoever sends, at once. */
  exchange: Exchange | null = null;

  onHead(head: AnswerHead): void {
    this.#head = head;
    this.#tell();
  }

  onData(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#tell();
    this.#isHeld = this.#waitingBytes > HIGH_WATER_BYTES;
    return !this.#isHeld;
  }

  onEnd(): void {
    this.#isEnded = true;
    this.#tell();
  }

  onError(error: UpstreamError): void {
    this.#error = error;
    this.#tell();
  }

  /** The head, when it comes. Throws what went wrong before it. */
  async head(): Promise<AnswerHead> {
    for (;;) {
      if (this.#head) return this.#head;
      if (this.#error) throw this.#error;
      await this.#something();
    }
  }

  async next(): Promise<Buffer | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#waitingBytes -= chunk.length;
        if (this.#isHeld && this.#waitingBytes <= HIGH_WATER_BYTES / 2) {
          this.#isHeld = false;
          this.exchange?.resume();
        }
        return chunk;
      }
      if (this.#error) throw this.#error;
      if (this.#isEnded) return null;
      await this.#something();
    }
  }

  #something(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #tell(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
