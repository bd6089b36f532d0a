import type { Socket } from 'node:net';
import { Answer, type AnswerOwner } from './answer.ts';
import { type RequestHead, readRequestHead } from './request-head.ts';
import { WholeRequest } from './whole-request.ts';

/** Longer heads and bodies are node:http's to read. */
const MAX_HEAD = 16 * 1024;
const MAX_BODY = 1024 * 1024;
/** What a client may send while it waits for its answer; it is held back beyond that. */
const MAX_AHEAD = 64 * 1024;
/** A request that is not whole by then is node:http's, with its time limits. */
const PATIENCE_MS = 1_000;
/** Who has connected and says nothing is given up earlier than who was answered before, as node:http does it. */
const MAX_MUTE_MS = 30_000;
/** `P`, with which every request begins that is ours. */
const FIRST_BYTE = 0x50;

/** Whoever accepts connections. */
export interface ConnectionOwner<T extends object> {
  readonly keepAliveMs: number;
  /** Where a request goes; null where it is not one of those that are read whole. */
  targetOf(head: RequestHead): T | null;
  /** A request has come in. */
  onRequest(request: WholeRequest, answer: Answer, target: T): void;
  /** Something comes that is not for us: from now on the connection is node:http's, beginning with these bytes. */
  handOver(connection: FrontConnection<T>, unread: Buffer): void;
  now(): number;
}

/** One client's connection, which carries one request at a time. */
export class FrontConnection<T extends object> implements AnswerOwner {
  readonly socket: Socket;
  readonly #owner: ConnectionOwner<T>;
  /** What has come and was not read yet. */
  #kept: Buffer[] = [];
  #keptLength = 0;
  /** Of the request that is coming in: its head, where it goes, and where its body begins and ends in what was kept. */
  #head: RequestHead | null = null;
  #target: T | null = null;
  #bodyStart = 0;
  #bodyEnd = 0;
  #answer: Answer | null = null;
  /** When it became idle, and how long it may stay so. */
  #idleSince: number;
  #maxIdleMs: number;
  /** When the first bytes came of the request that is coming in; null where none have. */
  #begunAt: number | null = null;
  #isOver = false;
  /** It ends after the answer that is under way. */
  #ends = false;

  constructor(owner: ConnectionOwner<T>, socket: Socket) {
    this.#owner = owner;
    this.socket = socket;
    this.#idleSince = owner.now();
    this.#maxIdleMs = Math.min(MAX_MUTE_MS, owner.keepAliveMs);
  }

  get keepAliveSeconds(): number {
    return Math.floor(this.#owner.keepAliveMs / 1000);
  }

  /** Takes what was read; the bytes are valid until this returns. */
  read(bytes: Buffer): void {
    if (this.#isOver) return;
    if (this.#answer === null && this.#kept.length === 0) {
      this.#advance(bytes);
      return;
    }
    this.#keep(bytes);
    if (this.#answer !== null) {
      if (this.#keptLength > MAX_AHEAD) this.socket.pause();
    } else if (this.#keptLength >= this.#bodyEnd) this.#advance(this.#takeKept());
  }

  /**
   * The client will send nothing more. Who closes its half of the connection in the middle has gone; but an answer that is complete still
   * goes out.
   */
  ended(): void {
    if (this.#isOver) return;
    if (this.#answer?.writableEnded === true) {
      this.#ends = true;
    } else if (this.#answer === null && this.#kept.length > 0) {
      this.#handOver(this.#takeKept());
    } else {
      this.#isOver = true;
      this.socket.destroy();
    }
  }

  /** The connection is gone. */
  closed(): void {
    this.#isOver = true;
    this.#kept = [];
    const answer = this.#answer;
    this.#answer = null;
    answer?.lost();
  }

  drained(): void {
    this.#answer?.emit('drain');
  }

  /** Ends it where nothing is under way on it, else after the answer that is. A request that has begun to come in is node:http's to end. */
  finish(): void {
    this.#ends = true;
    if (this.#answer !== null || this.#isOver) return;
    if (this.#kept.length > 0) this.#handOver(this.#takeKept());
    else this.socket.destroy();
  }

  /** Gives up an idle connection, and one whose request is slow to come. */
  sweep(now: number): void {
    if (this.#answer !== null || this.#isOver) return;
    if (this.#begunAt !== null) {
      if (now - this.#begunAt > PATIENCE_MS) this.#handOver(this.#takeKept());
    } else if (now - this.#idleSince > this.#maxIdleMs) this.socket.destroy();
  }

  onWritten(closes: boolean): void {
    this.#answer = null;
    if (this.#isOver || this.socket.destroyed) return;
    if (closes || this.#ends) {
      this.#isOver = true;
      this.socket.destroySoon();
      return;
    }
    this.#begunAt = null;
    this.#idleSince = this.#owner.now();
    this.#maxIdleMs = this.#owner.keepAliveMs;
    if (this.socket.isPaused()) this.socket.resume();
    if (this.#kept.length > 0) this.#advance(this.#takeKept());
  }

  /** Reads all that has come and was not read. */
  #advance(bytes: Buffer): void {
    const head = this.#head ?? this.#readHead(bytes);
    if (head === null) return;
    if (bytes.length < this.#bodyEnd) {
      this.#keep(bytes);
      return;
    }
    const body = Buffer.from(bytes.subarray(this.#bodyStart, this.#bodyEnd));
    if (bytes.length > this.#bodyEnd) this.#keep(bytes.subarray(this.#bodyEnd));
    this.#head = null;
    this.#bodyEnd = 0;
    const answer = new Answer(this, this.socket);
    this.#answer = answer;
    this.#owner.onRequest(new WholeRequest(head, body, this.socket), answer, this.#target as T);
  }

  /** Null where the head is not whole yet, or not for us. */
  #readHead(bytes: Buffer): RequestHead | null {
    const isOurs = bytes[0] === FIRST_BYTE;
    const end = isOurs ? bytes.indexOf('\r\n\r\n', 0, 'latin1') : -1;
    if (isOurs && end === -1 && bytes.length <= MAX_HEAD) {
      this.#keep(bytes);
      return null;
    }
    const head = end === -1 || end > MAX_HEAD ? null : readRequestHead(bytes.toString('latin1', 0, end));
    const target = head === null || head.bodyLength > MAX_BODY ? null : this.#owner.targetOf(head);
    if (head === null || target === null) {
      this.#handOver(bytes);
      return null;
    }
    this.#head = head;
    this.#target = target;
    this.#bodyStart = end + 4;
    this.#bodyEnd = this.#bodyStart + head.bodyLength;
    return head;
  }

  #handOver(unread: Buffer): void {
    this.#isOver = true;
    this.#owner.handOver(this, Buffer.from(unread));
  }

  #keep(bytes: Buffer): void {
    this.#begunAt ??= this.#owner.now();
    this.#kept.push(Buffer.from(bytes));
    this.#keptLength += bytes.length;
  }

  #takeKept(): Buffer {
    const bytes = this.#kept.length === 1 ? (this.#kept[0] as Buffer) : Buffer.concat(this.#kept);
    this.#kept = [];
    this.#keptLength = 0;
    return bytes;
  }
}
