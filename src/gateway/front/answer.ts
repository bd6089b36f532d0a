import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { type AnswerLines, hasNoBody, writeAnswerLines } from './answer-head.ts';

/** Up to this length head and body go out as one text of bytes, which is one buffer to the system. */
const MAX_JOINED = 16 * 1024;
const NOTHING = Buffer.alloc(0);
/** How texts are given and sent: as many bytes as they have characters. */
const BYTES = 'latin1';

/** Whose connection an answer goes out on. */
export interface AnswerOwner {
  readonly keepAliveSeconds: number;
  /** The answer is over and written out. `closes`: its connection ends with it. */
  onWritten(closes: boolean): void;
}

/**
 * An answer to one request: what the gateway uses of node:http's ServerResponse, with the same meaning. Emits `drain`, and `close` once:
 * when it is written out, or when its connection is gone.
 */
export class Answer extends EventEmitter {
  statusCode = 200;
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  destroyed = false;
  readonly #owner: AnswerOwner;
  readonly #socket: Socket;
  #lines: AnswerLines | null = null;
  #isChunked = false;
  #hasNoBody = false;
  #isHeadOut = false;
  #isClosed = false;

  constructor(owner: AnswerOwner, socket: Socket) {
    super();
    this.#owner = owner;
    this.#socket = socket;
  }

  /** The connection, until it is over. */
  get socket(): Socket | null {
    return this.#isClosed ? null : this.#socket;
  }

  get writableNeedDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Sets the status and the headers: name, value, name, value. They go out with the first bytes. Throws TypeError for unfit ones. */
  writeHead(status: number, headers: readonly string[]): this {
    if (this.headersSent) throw new Error('The head of this answer was written already.');
    this.#lines = writeAnswerLines(status, headers, this.#owner.keepAliveSeconds);
    this.statusCode = status;
    this.headersSent = true;
    this.#hasNoBody = hasNoBody(status);
    return this;
  }

  /** Sends the head alone. */
  flushHeaders(): void {
    if (!this.#isHeadOut && !this.#isShut) this.#socket.write(this.#head(null), BYTES);
  }

  /** False when the client reads slower than this: `drain` tells when it has caught up. */
  write(bytes: Buffer): boolean {
    if (this.#isShut) return true;
    const head = this.#isHeadOut ? '' : this.#head(null);
    if (bytes.length === 0 || this.#hasNoBody) return head === '' || this.#socket.write(head, BYTES);
    if (!this.#isChunked) return this.#send(head, bytes, '');
    return this.#send(`${head}${bytes.length.toString(16)}\r\n`, bytes, '\r\n');
  }

  /** Ends the answer, with its last bytes or, of a whole body, with all of them. A text stands for as many bytes as it has characters. */
  end(body: Buffer | string = NOTHING, _encoding: 'latin1' = BYTES): this {
    if (this.#isShut) return this;
    const head = this.#isHeadOut ? '' : this.#head(body.length);
    this.writableEnded = true;
    if (this.#hasNoBody) this.#send(head, NOTHING, '');
    else if (!this.#isChunked) this.#send(head, body, '');
    else if (body.length === 0) this.#send(`${head}0\r\n\r\n`, NOTHING, '');
    else this.#send(`${head}${body.length.toString(16)}\r\n`, body, '\r\n0\r\n\r\n');
    if (this.#socket.writableLength === 0) process.nextTick(written, this);
    else this.#socket.write(NOTHING, () => this.written());
    return this;
  }

  /** Ends the connection at once. */
  destroy(): this {
    this.destroyed = true;
    this.#socket.destroy();
    return this;
  }

  /** Everything has gone out, or it never will: then `lost` is told as the connection closes. */
  written(): void {
    if (this.#isClosed || this.#socket.destroyed) return;
    this.writableFinished = true;
    this.#close();
    this.#owner.onWritten(this.#lines?.closes === true);
  }

  /** The connection is gone. */
  lost(): void {
    if (!this.#isClosed) this.#close();
  }

  /** Nothing more can be written. */
  get #isShut(): boolean {
    return this.writableEnded || this.destroyed || !this.#socket.writable;
  }

  #close(): void {
    this.#isClosed = true;
    this.destroyed = true;
    this.emit('close');
  }

  /** The head with what frames the body; `length` is the body's, null where it is not known. */
  #head(length: number | null): string {
    if (this.#lines === null) this.writeHead(200, []);
    const { text, hasLength } = this.#lines as AnswerLines;
    this.#isHeadOut = true;
    if (this.#hasNoBody || hasLength) return `${text}\r\n`;
    if (length !== null) return `${text}content-length: ${length}\r\n\r\n`;
    this.#isChunked = true;
    return `${text}transfer-encoding: chunked\r\n\r\n`;
  }

  #send(before: string, bytes: Buffer | string, after: string): boolean {
    const socket = this.#socket;
    if (bytes.length <= MAX_JOINED) {
      const text = bytes.length === 0 ? before + after : before + bytes.toString(BYTES) + after;
      return text === '' || socket.write(text, BYTES);
    }
    socket.cork();
    if (before !== '') socket.write(before, BYTES);
    let goesOn = socket.write(bytes, BYTES);
    if (after !== '') goesOn = socket.write(after, BYTES);
    socket.uncork();
    return goesOn;
  }
}

function written(answer: Answer): void {
  answer.written();
}
