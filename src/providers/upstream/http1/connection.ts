import type { Socket } from 'node:net';
import type { AnswerHead } from './answer-head.ts';
import { AnswerParser, type ParserOwner } from './answer-parser.ts';
import { ConnectionLost } from './errors.ts';
import { writeRequestHead } from './request-head.ts';
import { readInto } from './shared-read.ts';
import type { HttpExchange, HttpHandler, HttpRequest } from './types.ts';

/** Up to this length head and body go out as one string: one buffer to the system instead of two costs it a quarter less. */
const MAX_JOINED = 16 * 1024;
/** Connections are given up before the server closes them: by its own word less a second, or after this. */
const IDLE_MS = 4_000;
const IDLE_MARGIN_MS = 1_000;
const MAX_IDLE_MS = 600_000;

/** Whoever keeps connections. */
export interface ConnectionOwner {
  /** It can take the next request. */
  onFree(connection: Connection): void;
  /** It is of no use any more. Told once. */
  onGone(connection: Connection): void;
  now(): number;
}

/** One connection, which carries one request at a time. */
export class Connection implements ParserOwner {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #host: string;
  readonly #parser = new AnswerParser(this);
  #sent: SentRequest | null = null;
  #staysOpen = false;
  #idleMs = IDLE_MS;
  #idleUntil = 0;
  #isGone = false;

  constructor(owner: ConnectionOwner, socket: Socket, host: string) {
    this.#owner = owner;
    this.#socket = socket;
    this.#host = host;
    readInto(socket, (chunk) => this.#read(chunk));
    socket.on('end', () => this.#ended());
    socket.on('error', (error: Error) => this.#lost(error));
    socket.on('close', () => this.#lost(new ConnectionLost('ECONNRESET', 'the connection was closed')));
  }

  /** Whether it may be used for another request. */
  isUsable(now: number): boolean {
    return !this.#isGone && now < this.#idleUntil;
  }

  /** Sends a request. Its handler hears of everything that goes wrong, but not before this has returned. */
  send(sent: SentRequest): void {
    const { method, path, headers, body } = sent.request;
    let head: string;
    try {
      head = writeRequestHead(method, path, this.#host, headers, lengthOf(method, body));
    } catch (error) {
      this.#free();
      process.nextTick(() => sent.failed(error as Error));
      return;
    }
    this.#sent = sent;
    this.#parser.begin(method === 'HEAD');
    const socket = this.#socket;
    if (body === null || body.length === 0) socket.write(head, 'latin1');
    else if (body.length <= MAX_JOINED) socket.write(head + body.toString('latin1'), 'latin1');
    else {
      socket.cork();
      socket.write(head, 'latin1');
      socket.write(body);
      socket.uncork();
    }
  }

  /** Gives up a request whose server has been silent for too long. */
  sweep(now: number): void {
    const timeout = this.#sent?.sweep(now, this.#socket.isPaused()) ?? null;
    if (timeout !== null) this.#lost(new ConnectionLost(timeout, 'the server was silent for too long'));
  }

  /** Closes it at once; what is under way on it fails. */
  destroy(): void {
    this.#lost(new ConnectionLost('SMALLFIRST_DESTROYED', 'the connection was given up'));
  }

  /** Closes it, and tells its request nothing. */
  drop(): void {
    this.#sent = null;
    this.destroy();
  }

  resume(): void {
    this.#socket.resume();
  }

  onHead({ status, headers, staysOpen, idleMs }: AnswerHead): void {
    if (this.#isGone) return;
    this.#staysOpen = staysOpen;
    if (idleMs !== null) this.#idleMs = Math.min(idleMs - IDLE_MARGIN_MS, MAX_IDLE_MS);
    this.#sent?.headed(status, headers);
  }

  onBody(bytes: Buffer): void {
    // A copy: the next read of any connection writes over them.
    if (this.#sent?.received(Buffer.from(bytes)) === false) this.#socket.pause();
  }

  onEnd(isClean: boolean): void {
    if (this.#isGone) return;
    const sent = this.#sent;
    this.#sent = null;
    // An answer that came before the request was written whole leaves nobody knows what behind.
    if (this.#staysOpen && isClean && this.#socket.writableLength === 0) this.#free();
    else this.destroy();
    sent?.completed();
  }

  #free(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#idleUntil = this.#owner.now() + this.#idleMs;
    this.#owner.onFree(this);
  }

  #read(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#lost(error as Error);
    }
  }

  #ended(): void {
    if (!this.#isGone && this.#sent !== null && this.#parser.finish()) return;
    this.#lost(new ConnectionLost('ECONNRESET', 'the server closed the connection'));
  }

  #lost(error: Error): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#socket.destroy();
    this.#owner.onGone(this);
    const sent = this.#sent;
    this.#sent = null;
    sent?.failed(error);
  }
}

/** `null` where a length of 0 would say something: methods without a body (RFC 9110 §8.6). */
function lengthOf(method: string, body: Buffer | null): number | null {
  if (body !== null && body.length > 0) return body.length;
  return method === 'POST' || method === 'PUT' || method === 'PATCH' ? 0 : null;
}

/** A request with whoever waits for its answer: before it has a connection, on it, and afterwards. */
export class SentRequest implements HttpExchange {
  readonly request: HttpRequest;
  readonly #handler: HttpHandler;
  #connection: Connection | null = null;
  #isOver = false;
  #hasBegun = false;
  #hasMoved = true;
  #silentSince = 0;

  constructor(request: HttpRequest, handler: HttpHandler) {
    this.request = request;
    this.#handler = handler;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Goes out on a connection; does nothing when it was called off. */
  goesOn(connection: Connection): void {
    this.#connection = connection;
    connection.send(this);
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection?.drop();
  }

  resume(): void {
    if (!this.#isOver) this.#connection?.resume();
  }

  /** The timeout that has passed, null while none has. What is held back by its reader is not silent. */
  sweep(now: number, isHeldBack: boolean): 'SMALLFIRST_HEAD_TIMEOUT' | 'SMALLFIRST_BODY_TIMEOUT' | null {
    if (this.#hasMoved || isHeldBack) {
      this.#hasMoved = false;
      this.#silentSince = now;
      return null;
    }
    if (now - this.#silentSince < this.request.timeoutMs) return null;
    return this.#hasBegun ? 'SMALLFIRST_BODY_TIMEOUT' : 'SMALLFIRST_HEAD_TIMEOUT';
  }

  headed(status: number, headers: readonly string[]): void {
    if (this.#isOver) return;
    this.#hasBegun = true;
    this.#hasMoved = true;
    this.#handler.onHead(status, headers);
  }

  received(bytes: Buffer): boolean {
    if (this.#isOver) return true;
    this.#hasMoved = true;
    return this.#handler.onData(bytes);
  }

  completed(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler.onComplete();
  }

  failed(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler.onError(error);
  }
}
