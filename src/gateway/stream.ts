import type { Exchange } from './exchange.ts';
import type { Family } from './parties.ts';
import { Slots } from './slots.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Frames that clients ignore. */
const PINGS: Readonly<Record<Family, Buffer>> = {
  anthropic: Buffer.from('event: ping\ndata: {"type": "ping"}\n\n'),
  openai: Buffer.from(': ping\n\n'),
};

/** Every stream that is open, and what still has to be done for those that are not. */
export class Streams {
  readonly #open = new Slots<Stream>();
  readonly #pending = new Set<Promise<void>>();
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes a stream and returns the number to give it back with. */
  add(stream: Stream): number {
    return this.#open.add(stream);
  }

  free(slot: number): void {
    this.#open.free(slot);
  }

  /** Sends a sign of life on every stream that has been silent for so long. */
  sweep(now: number, silenceMs: number): void {
    this.#open.each((stream) => stream.ping(now, silenceMs));
  }

  /** Keeps a drain waiting for work that outlives its exchange. */
  pending(work: Promise<void>): void {
    const kept = work
      .catch((error: unknown) => this.#warn(`a row could not be made: ${String(error)}`))
      .finally(() => this.#pending.delete(kept));
    this.#pending.add(kept);
  }

  /** Resolves when nothing is pending any more. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}

/** One open stream to a client: where in its frames it is, and how long it has been silent. */
export class Stream {
  readonly #exchange: Exchange;
  readonly #streams: Streams;
  readonly #family: Family;
  #slot: number | null = null;
  #hasBegun = false;
  /** The last bytes that went out: a frame ends with an empty line. */
  #last = LF;
  #lastButOne = LF;
  #lastButTwo = LF;
  /** Whether anything went out since the last look, and when the silence began. */
  #hasMoved = true;
  #silentSince = 0;

  constructor(exchange: Exchange, streams: Streams, family: Family) {
    this.#exchange = exchange;
    this.#streams = streams;
    this.#family = family;
  }

  /** Announces the stream; its head goes out at once, even where no frame comes with it. A compressed one takes no pings. */
  open(takesPings: boolean): void {
    if (takesPings) this.#slot = this.#streams.add(this);
    setImmediate(flushHead, this);
  }

  /** Sends the head alone, where nothing has gone out that carried it. */
  flushHead(): void {
    const { response } = this.#exchange;
    if (!this.#hasBegun && !response.writableEnded && !response.destroyed) response.flushHeaders();
  }

  close(): void {
    if (this.#slot !== null) this.#streams.free(this.#slot);
    this.#slot = null;
  }

  /** These bytes go out now. */
  passed(bytes: Buffer): void {
    this.#hasBegun = true;
    this.#hasMoved = true;
    const { length } = bytes;
    if (length >= 3) {
      this.#last = bytes[length - 1] as number;
      this.#lastButOne = bytes[length - 2] as number;
      this.#lastButTwo = bytes[length - 3] as number;
      return;
    }
    for (const byte of bytes) {
      this.#lastButTwo = this.#lastButOne;
      this.#lastButOne = this.#last;
      this.#last = byte;
    }
  }

  /** Whether something of ours can be put in without breaking a frame: nothing but whole frames has gone out. */
  get isBetweenFrames(): boolean {
    if (this.#last === LF) return this.#lastButOne === LF || (this.#lastButOne === CR && this.#lastButTwo === LF);
    return this.#last === CR && this.#lastButOne === CR;
  }

  /** Writes a sign of life after a long silence between frames. */
  ping(now: number, silenceMs: number): void {
    if (this.#hasMoved) {
      this.#hasMoved = false;
      this.#silentSince = now;
      return;
    }
    const { response } = this.#exchange;
    if (now - this.#silentSince < silenceMs || !this.isBetweenFrames || response.writableNeedDrain) return;
    this.#silentSince = now;
    response.write(PINGS[this.#family]);
  }
}

function flushHead(stream: Stream): void {
  stream.flushHead();
}
