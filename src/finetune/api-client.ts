import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { type ErrorCode, type Json, newId, SmallfirstError } from '../core/index.ts';

/** A refusal or failure of a provider's API. */
export class ApiError extends SmallfirstError {
  /** HTTP status; null where no answer came. */
  readonly status: number | null;
  /** True where the request may have been carried out although no good answer came: look before it is sent again. */
  readonly mayHaveHappened: boolean;
  /** What the provider answered, where that was JSON. Never shown: it may say more than people should see. */
  readonly body: Json;

  constructor(
    code: ErrorCode,
    message: string,
    about: { readonly status: number | null; readonly mayHaveHappened: boolean; readonly body?: Json; readonly cause?: unknown },
  ) {
    super(code, message, about.cause === undefined ? {} : { cause: about.cause });
    this.status = about.status;
    this.mayHaveHappened = about.mayHaveHappened;
    this.body = about.body ?? null;
  }
}

/** How a provider is reached. */
export interface ApiOptions {
  /** Shown in errors. */
  readonly title: string;
  /** Origin and path that every call starts with, without a slash at its end. */
  readonly baseUrl: string;
  /** Sent as a bearer token; never shown or logged. */
  readonly key: string;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs?: number;
  /** How often a call that is safe to send again is sent again. */
  readonly retries?: number;
  /** Waits between tries; the real clock when absent. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** One call. */
export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Json;
  /** Whether sending it twice is the same as once. Default: true for GET, false else. */
  readonly safe?: boolean;
  readonly signal: AbortSignal;
}

/** A file with the form fields that go with it. */
export interface ApiUpload {
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly file: { readonly path: string; readonly name: string; readonly bytes: number };
  readonly signal: AbortSignal;
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const MAX_BODY_BYTES = 16 * 1024 * 1024;
const LONGEST_WAIT_MS = 60_000;

/**
 * A provider's JSON API over HTTP, with timeouts, retries and Retry-After. What is not safe to send twice is sent again only where the
 * provider said that it did not take it (429). Throws ApiError, or ABORTED.
 */
export class ApiClient {
  readonly #options: Required<ApiOptions>;

  constructor(options: ApiOptions) {
    this.#options = {
      timeoutMs: 60_000,
      retries: 4,
      sleep: async (ms, signal) => {
        await delay(ms, undefined, { signal });
      },
      ...options,
    };
  }

  /** A call whose answer is JSON; an empty answer is null. */
  async json(call: ApiCall): Promise<Json> {
    const reply = await this.#tried(call.safe ?? call.method === 'GET', call.signal, () => this.#send(call));
    return this.#parse(reply);
  }

  /** Sends a file as a form, streamed from disk. */
  async upload(upload: ApiUpload): Promise<Json> {
    // The provider keeps a file for each time it is sent: whoever calls looks first whether it is there.
    return this.#parse(await this.#tried(false, upload.signal, () => this.#sendForm(upload)));
  }

  /** Asks where a file may be put, as a redirect says: its place, and the headers that came with it. */
  async whereTo(
    call: ApiCall & { readonly form: Readonly<Record<string, string>> },
  ): Promise<{ place: string; headers: Reply['headers'] }> {
    const reply = await this.#tried(call.safe ?? false, call.signal, () => this.#sendFields(call));
    const place = reply.headers.location;
    if (typeof place !== 'string') throw this.#strange('did not say where to put the file');
    return { place, headers: reply.headers };
  }

  /** Puts a file to a signed place. It is sent without the key: the place itself allows it. Throws ApiError for a place that is not HTTPS. */
  async put(place: string, file: ApiUpload['file'], signal: AbortSignal): Promise<void> {
    const url = new URL(place);
    // Plain HTTP only where the API itself is reached by it: a proxy or a test on this machine.
    if (url.protocol !== 'https:' && url.protocol !== new URL(this.#options.baseUrl).protocol)
      throw this.#strange(`named a place for the file that is not HTTPS (${url.protocol}//${url.host})`);
    await this.#tried(true, signal, () =>
      this.#exchange(url, {
        method: 'PUT',
        headers: { 'content-length': String(file.bytes), 'content-type': 'application/octet-stream' },
        body: createReadStream(file.path),
        signal,
        timeoutMs: uploadTimeout(file.bytes),
      }),
    );
  }

  async #send(call: ApiCall): Promise<Reply> {
    return this.#exchange(this.#url(call), {
      method: call.method,
      headers: { ...this.#auth(), accept: 'application/json', ...(call.body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      signal: call.signal,
      timeoutMs: this.#options.timeoutMs,
    });
  }

  async #sendFields(call: ApiCall & { readonly form: Readonly<Record<string, string>> }): Promise<Reply> {
    const { boundary, head } = formHead(call.form, null);
    return this.#exchange(this.#url(call), {
      method: 'POST',
      headers: { ...this.#auth(), 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: `${head}--${boundary}--\r\n`,
      signal: call.signal,
      timeoutMs: this.#options.timeoutMs,
    });
  }

  async #sendForm({ path, fields, file, signal }: ApiUpload): Promise<Reply> {
    const { boundary, head } = formHead(fields, file.name);
    const tail = `\r\n--${boundary}--\r\n`;
    const length = Buffer.byteLength(head) + file.bytes + Buffer.byteLength(tail);
    async function* body(): AsyncGenerator<string | Buffer> {
      yield head;
      yield* createReadStream(file.path) as AsyncIterable<Buffer>;
      yield tail;
    }
    return this.#exchange(this.#url({ path }), {
      method: 'POST',
      headers: { ...this.#auth(), 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': String(length) },
      body: body(),
      signal,
      timeoutMs: uploadTimeout(file.bytes),
    });
  }

  async #exchange(
    url: URL,
    call: {
      readonly method: ApiCall['method'];
      readonly headers: Record<string, string>;
      readonly body?: string | NodeJS.ReadableStream | AsyncIterable<string | Buffer>;
      readonly signal: AbortSignal;
      readonly timeoutMs: number;
    },
  ): Promise<Reply> {
    const { timeoutMs, signal, body, ...rest } = call;
    const both = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const reply = await request(url, { ...rest, body: (body ?? null) as string | null, signal: both });
      const text = await readBody(reply.body);
      return { status: reply.statusCode, headers: reply.headers, text };
    } catch (cause) {
      if (signal.aborted) throw new SmallfirstError('ABORTED', 'called off', { cause });
      const code = (cause as { readonly code?: string }).code ?? (cause as Error).name;
      throw new ApiError('UPSTREAM_FAILED', `${this.#options.title} could not be reached (${code})`, {
        status: null,
        // Nothing was sent where nobody listened.
        mayHaveHappened: code !== 'ECONNREFUSED' && code !== 'ENOTFOUND',
        cause,
      });
    }
  }

  async #tried(safe: boolean, signal: AbortSignal, send: () => Promise<Reply>): Promise<Reply> {
    for (let attempt = 0; ; attempt += 1) {
      const { error, waitMs } = await this.#attempt(send);
      if (error === null) return waitMs;
      const again = safe ? isPassing(error) : error.status === 429 || !error.mayHaveHappened;
      if (!again || error.status === 400 || attempt >= this.#options.retries || !isPassing(error)) throw error;
      await this.#options.sleep(Math.min(LONGEST_WAIT_MS, waitMs ?? 500 * 2 ** attempt), signal);
      if (signal.aborted) throw new SmallfirstError('ABORTED', 'called off');
    }
  }

  async #attempt(send: () => Promise<Reply>): Promise<{ error: null; waitMs: Reply } | { error: ApiError; waitMs: number | null }> {
    try {
      const reply = await send();
      if (reply.status < 400) return { error: null, waitMs: reply };
      return { error: this.#refusal(reply), waitMs: retryAfterMs(reply.headers['retry-after'], Date.now()) };
    } catch (error) {
      if (error instanceof ApiError) return { error, waitMs: null };
      throw error;
    }
  }

  #refusal({ status, text }: Reply): ApiError {
    const said = this.#hide(messageOf(text));
    const code = status === 429 ? 'UPSTREAM_BUSY' : status >= 500 ? 'UPSTREAM_FAILED' : 'UPSTREAM_REJECTED';
    const message = `${this.#options.title} answered ${status}${said === '' ? '' : `: ${said}`}`;
    return new ApiError(code, message, { status, mayHaveHappened: status >= 500, body: jsonOf(text) });
  }

  #parse({ text }: Reply): Json {
    if (text.trim() === '') return null;
    try {
      return JSON.parse(text) as Json;
    } catch {
      throw this.#strange('sent an answer that is not JSON');
    }
  }

  #strange(what: string): ApiError {
    return new ApiError('UPSTREAM_INVALID', `${this.#options.title} ${what}`, { status: null, mayHaveHappened: true });
  }

  #url(call: Pick<ApiCall, 'path' | 'query'>): URL {
    const url = new URL(`${this.#options.baseUrl}${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, value);
    return url;
  }

  #auth(): Record<string, string> {
    return { authorization: `Bearer ${this.#options.key}` };
  }

  #hide(text: string): string {
    return this.#options.key === '' ? text : text.replaceAll(this.#options.key, '[key]');
  }
}

/** Half an hour at most; a megabyte a second is slow enough for any line. */
function uploadTimeout(bytes: number): number {
  return Math.min(1_800_000, 60_000 + Math.ceil(bytes / 1000));
}

function isPassing({ status, code }: ApiError): boolean {
  return status === null ? code === 'UPSTREAM_FAILED' : status === 408 || status === 429 || status >= 500;
}

/** How long an answer asks to wait: seconds or a date. Null when it does not say. */
function retryAfterMs(header: string | string[] | undefined, now: number): number | null {
  if (typeof header !== 'string' || header.trim() === '') return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES) throw Object.assign(new Error('the answer is too long'), { code: 'TOO_LONG' });
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function formHead(fields: Readonly<Record<string, string>>, fileName: string | null): { boundary: string; head: string } {
  const boundary = `smallfirst-${newId()}`;
  let head = '';
  for (const [name, value] of Object.entries(fields))
    head += `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  if (fileName !== null) {
    const disposition = `form-data; name="file"; filename="${fileName.replace(/["\r\n]/g, '_')}"`;
    head += `--${boundary}\r\ncontent-disposition: ${disposition}\r\ncontent-type: application/jsonl\r\n\r\n`;
  }
  return { boundary, head };
}

function jsonOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** What an error body says, short: every provider has its own place for it. */
function messageOf(text: string): string {
  let said: unknown = text;
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    const error = body.error;
    said =
      typeof error === 'object' && error !== null
        ? (error as Record<string, unknown>).message
        : (error ?? body.message ?? body.detail ?? body.error_message ?? text);
  } catch {
    // Not JSON: the text itself.
  }
  const words = typeof said === 'string' ? said : JSON.stringify(said ?? '');
  return words.replace(/\s+/g, ' ').trim().slice(0, 300);
}
