import type { Readable } from 'node:stream';
import { type buildConnector, type Dispatcher, Pool } from 'undici';
import type { HeaderList } from './headers.ts';
import type { HttpExchange, HttpHandler } from './http1/index.ts';

/** A request whose body is streamed on as it comes. */
export interface UploadRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly body: Readable;
  /** Null where nobody knows it: then the body goes in chunks. */
  readonly length: number | null;
  readonly timeoutMs: number;
}

/** Sends streamed bodies to one origin, over undici: its backpressure in both directions is what they need. */
export class Uploads {
  readonly #pool: Pool;

  constructor(origin: string, connect: buildConnector.connector) {
    this.#pool = new Pool(origin, { connect, pipelining: 1 });
  }

  send(request: UploadRequest, handler: HttpHandler): HttpExchange {
    const { method, path, headers, body, length, timeoutMs } = request;
    const upload = new Upload(handler);
    this.#pool.dispatch(
      {
        path,
        method: method as Dispatcher.HttpMethod,
        headers: length === null ? [...headers] : [...headers, 'content-length', String(length)],
        body,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      },
      upload,
    );
    return upload;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  destroy(): Promise<void> {
    return this.#pool.destroy();
  }
}

class Upload implements Dispatcher.DispatchHandler, HttpExchange {
  readonly #handler: HttpHandler;
  #abort: (() => void) | null = null;
  #resume: (() => void) | null = null;
  #isOff = false;

  constructor(handler: HttpHandler) {
    this.#handler = handler;
  }

  abort(): void {
    if (this.#isOff) return;
    this.#isOff = true;
    this.#abort?.();
  }

  resume(): void {
    this.#resume?.();
  }

  onConnect(abort: () => void): void {
    this.#abort = abort;
    // Called off while it waited for a connection.
    if (this.#isOff) abort();
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    if (status < 200 || this.#isOff) return true;
    this.#resume = resume;
    const headers = raw.map((part, i) => (i % 2 === 0 ? part.toString('latin1').toLowerCase() : part.toString('latin1')));
    this.#handler.onHead(status, headers);
    return true;
  }

  onData(chunk: Buffer): boolean {
    return this.#isOff ? true : this.#handler.onData(chunk);
  }

  onComplete(): void {
    if (!this.#isOff) this.#handler.onComplete();
  }

  onError(error: Error): void {
    if (!this.#isOff) this.#handler.onError(error);
  }
}
