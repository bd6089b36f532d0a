import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Json } from '../../core/index.ts';
import { readWireError } from '../codecs/errors.ts';
import { parseJson } from '../codecs/shape.ts';
import { AnswerQueue, restOf } from '../upstream/answer-queue.ts';
import { refusalError } from '../upstream/refusal-error.ts';
import { type OutboundCall, UpstreamError, type UpstreamTarget } from '../upstream/types.ts';
import type { Upstream } from '../upstream/upstreams.ts';
import type { BatchFile } from './types.ts';

/** One call of a batch API. */
export interface BatchCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Without question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Json;
  /** It is sent once: whoever calls finds out what came of it before it is sent again. */
  readonly once?: boolean;
  readonly signal: AbortSignal;
}

const MAX_JSON_BYTES = 16 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;
/** A longer line of results is no answer of a model. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const LF = 0x0a;

/** A batch API over the upstream of its model: the config's URL and key, its guards, its timeouts. */
export class BatchHttp {
  readonly #upstream: Upstream;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /** The name of the model, which errors speak of. */
  get target(): UpstreamTarget {
    return this.#upstream.target;
  }

  /** A call whose answer is JSON. Throws UpstreamError, UPSTREAM_INVALID for an answer that is no JSON. */
  async json(call: BatchCall): Promise<Json> {
    const body = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body));
    const headers = { ...(body === null ? {} : { 'content-type': 'application/json' }), ...call.headers };
    return this.#parsed(
      await this.#send(call, { path: call.path, headers: flat(headers), body }, (queue) => restOf(queue, MAX_JSON_BYTES)),
    );
  }

  /** Sends a body that is read as it goes, once. Throws like `json`. */
  async stream(call: Omit<BatchCall, 'body'>, body: AsyncIterable<Buffer | string>, length: number): Promise<Json> {
    const outbound = { path: call.path, headers: flat({ ...call.headers }), body: Readable.from(body, { objectMode: false }), length };
    return this.#parsed(await this.#send({ ...call, once: true }, outbound, (queue) => restOf(queue, MAX_JSON_BYTES)));
  }

  /** Sends a file as a form, as files APIs take it. Throws like `json`. */
  async form(path: string, fields: Readonly<Record<string, string>>, file: BatchFile, signal: AbortSignal): Promise<Json> {
    const boundary = `smallfirst-${file.mark}`;
    const parts = Object.entries(fields).map(
      ([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    );
    const head = `${parts.join('')}--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${fileNameOf(file)}"\r\ncontent-type: application/jsonl\r\n\r\n`;
    const tail = `\r\n--${boundary}--\r\n`;
    async function* body(): AsyncGenerator<Buffer | string> {
      yield head;
      yield* createReadStream(file.path) as AsyncIterable<Buffer>;
      yield tail;
    }
    const length = Buffer.byteLength(head) + file.bytes + Buffer.byteLength(tail);
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    return this.stream({ method: 'POST', path, headers, signal }, body(), length);
  }

  /** JSON Lines, a line at a time; memory does not grow with them. Throws UpstreamError, also where they break off. */
  async *lines(call: BatchCall): AsyncGenerator<Json> {
    const queue = new AnswerQueue();
    const exchange = this.#begin(call, { path: call.path, headers: flat({ ...call.headers }), body: null }, queue);
    try {
      await this.#accepted(queue);
      let rest: Buffer[] = [];
      let restBytes = 0;
      for (let chunk = await queue.next(); chunk !== null; chunk = await queue.next()) {
        let from = 0;
        for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, from)) {
          yield* this.#line(Buffer.concat([...rest, chunk.subarray(from, end)]));
          rest = [];
          restBytes = 0;
          from = end + 1;
        }
        rest.push(chunk.subarray(from));
        restBytes += chunk.length - from;
        if (restBytes > MAX_LINE_BYTES) throw this.#strange('sent a result that is too long');
      }
      yield* this.#line(Buffer.concat(rest));
    } finally {
      exchange.abort();
    }
  }

  *#line(bytes: Buffer): Generator<Json> {
    const text = bytes.toString('utf8');
    if (text.trim() === '') return;
    const value = parseJson(text);
    if (value === undefined) throw this.#strange('sent a result that is not JSON');
    yield value as Json;
  }

  async #send(call: BatchCall, outbound: OutboundCall, read: (queue: AnswerQueue) => Promise<Buffer>): Promise<Buffer> {
    const queue = new AnswerQueue();
    const exchange = this.#begin(call, outbound, queue);
    try {
      await this.#accepted(queue);
      return await read(queue);
    } finally {
      exchange.abort();
    }
  }

  #begin({ method, query, once, signal }: BatchCall, outbound: OutboundCall, queue: AnswerQueue) {
    const { name } = this.target;
    const exchange = this.#upstream.send(
      {
        method,
        query: query ?? '',
        signal,
        deadlineAt: null,
        clientRetry: once ?? method === 'POST',
        // A batch lives in one account: no fallback knows it.
        write: (target) => (target.name === name ? outbound : null),
      },
      queue,
    );
    queue.exchange = exchange;
    return exchange;
  }

  async #accepted(queue: AnswerQueue): Promise<void> {
    const head = await queue.head();
    if (head.contentEncoding !== null) throw this.#strange('compressed its answer although it was asked not to');
    if (head.status < 300) return;
    const body = await restOf(queue, MAX_ERROR_BYTES).catch(() => Buffer.alloc(0));
    throw refusalError(this.target.name, readWireError(head.status, body.toString('utf8')), head.retryAfterMs);
  }

  #parsed(bytes: Buffer): Json {
    const value = parseJson(bytes.toString('utf8'));
    if (value === undefined) throw this.#strange('sent an answer that is not JSON');
    return value as Json;
  }

  #strange(what: string): UpstreamError {
    return new UpstreamError('UPSTREAM_INVALID', `The upstream of ${this.target.name} ${what}.`);
  }
}

/** What a file of requests is called at its provider. */
export function fileNameOf({ mark }: BatchFile): string {
  return `${mark}.jsonl`;
}

/** Whether a call that failed with this may have been carried out all the same. */
export function mayHaveHappened(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return true;
  // Refused in so many words, or nobody listened.
  if (error.told !== null) return error.told.status >= 500;
  return !NEVER_SENT.has(codeOf(error.cause));
}

const NEVER_SENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

function codeOf(cause: unknown): string {
  const code = (cause as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function flat(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flat();
}
