import type { IncomingMessage } from 'node:http';
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { SmallfirstError } from '../core/index.ts';
import { brokenBody, requestDecoder } from './body-encoding.ts';
import type { ClientHead } from './client.ts';

const NOTHING = Buffer.alloc(0);

/** Silence in the middle of a body after which its sender is given up, and the time for a body that is read whole, in milliseconds. */
const MAX_SILENCE_MS = 30_000;
const MAX_READING_MS = 300_000;

/** Whether a body comes with a request, by its head. */
export function hasBody(request: Pick<ClientHead, 'headers'>): boolean {
  const length = request.headers['content-length'];
  return (length !== undefined && length !== '0') || request.headers['transfer-encoding'] !== undefined;
}

/** Whether a body is an upload, which can refer to nothing: whatever else it calls itself, some upstream may read it as JSON. */
export function isBinary(contentType: string | undefined): boolean {
  return contentType !== undefined && /^(multipart\/|application\/octet-stream|audio\/|video\/|image\/)/i.test(contentType);
}

/** Refuses a body by the length that its head announces, before a byte of it is read. Throws REQUEST_TOO_LARGE. */
export function checkAnnounced(request: Pick<ClientHead, 'headers'>, limit: number): void {
  const { headers } = request;
  const length = headers['content-length'];
  if (length !== undefined && Number(length) > limit) throw tooLarge(limit);
}

function tooLarge(limit: number): SmallfirstError {
  return new SmallfirstError('REQUEST_TOO_LARGE', `The request body is longer than ${Math.floor(limit / (1024 * 1024))} MiB.`);
}

function tooSlow(): SmallfirstError {
  return new SmallfirstError('REQUEST_TOO_SLOW', 'The request body did not arrive in time.');
}

/** Whoever waits for a body. */
export interface BodyOwner {
  /** Told once, unless the client goes away: the whole body, or why there is none. */
  onBody(error: SmallfirstError | null, body: Buffer): void;
}

/** A body that is being read whole. */
export class Reading {
  readonly #owner: BodyOwner;
  readonly #limit: number;
  readonly #startedAt: number;
  /** Null for a body that is not compressed. */
  #decoder: Transform | null = null;
  #chunks: Buffer[] = [];
  #length = 0;
  #sweptLength = 0;
  #movedAt: number;
  #isOver = false;

  constructor(owner: BodyOwner, limit: number, now: number) {
    this.#owner = owner;
    this.#limit = limit;
    this.#startedAt = now;
    this.#movedAt = now;
  }

  /**
   * Reads from a request, decompressed where it is compressed; its errors are its connection's, whose end is heard elsewhere. Throws
   * REQUEST_INVALID for a coding that is not known.
   */
  from(request: IncomingMessage): void {
    const decoder = requestDecoder(request);
    request.on('error', ignore);
    const source: Readable = decoder === null ? request : request.pipe(decoder);
    this.#decoder = decoder;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => this.#finish(null));
    decoder?.on('error', () => this.#finish(brokenBody()));
  }

  /** Gives up a sender who is too slow. */
  sweep(now: number): void {
    if (this.#length > this.#sweptLength) {
      this.#sweptLength = this.#length;
      this.#movedAt = now;
    }
    if (now - this.#movedAt > MAX_SILENCE_MS || now - this.#startedAt > MAX_READING_MS) {
      this.#finish(tooSlow());
    }
  }

  #take(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#isOver) return;
    if (this.#length > this.#limit) this.#finish(tooLarge(this.#limit));
    else this.#chunks.push(chunk);
  }

  #finish(error: SmallfirstError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // However much is still packed in it: nobody unpacks it.
    if (error !== null) this.#decoder?.destroy();
    const chunks = this.#chunks;
    this.#chunks = [];
    if (error !== null) this.#owner.onBody(error, NOTHING);
    else this.#owner.onBody(null, chunks.length === 1 ? (chunks[0] ?? NOTHING) : Buffer.concat(chunks));
  }
}

function ignore(): void {}

/** A body that is streamed on. Fails with REQUEST_TOO_LARGE past its limit, and with REQUEST_TOO_SLOW where its sender falls silent. */
export class StreamedBody extends Transform {
  readonly #limit: number;
  #length = 0;
  #sweptLength = 0;
  #movedAt: number;

  constructor(limit: number, now: number) {
    super();
    this.#limit = limit;
    this.#movedAt = now;
  }

  /** Gives up a sender who is silent, unless it is we who hold it back because the upstream reads slowly. */
  sweep(now: number): void {
    if (this.#length > this.#sweptLength || this.writableNeedDrain) {
      this.#sweptLength = this.#length;
      this.#movedAt = now;
    }
    if (!this.writableEnded && now - this.#movedAt > MAX_SILENCE_MS) this.destroy(tooSlow());
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#length += chunk.length;
    if (this.#length > this.#limit) done(tooLarge(this.#limit));
    else done(null, chunk);
  }
}

/** A body as it is streamed on, decompressed where it is compressed. Throws as `Reading.from`. `now` is monotonic, in milliseconds. */
export function streamedBody(request: IncomingMessage, limit: number, now: number): StreamedBody {
  const decoder = requestDecoder(request);
  const streamed = new StreamedBody(limit, now);
  if (decoder === null) return request.pipe(streamed);
  decoder.on('error', () => streamed.destroy(brokenBody()));
  streamed.on('close', () => decoder.destroy());
  return request.pipe(decoder).pipe(streamed);
}
