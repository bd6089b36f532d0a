import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a fake provider received it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  /** Parsed JSON, or the fields of a form; null without a body. */
  readonly body: unknown;
  /** Content of the file in a form, or of a body that was put. */
  readonly file: string | null;
}

/** What a fake provider answers. */
export interface FakeReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Fails a request: `before` nothing happens and the status is answered; `after` it is carried out and its answer is lost. */
export type Failure = { readonly when: 'before'; readonly reply: FakeReply } | { readonly when: 'after' };

/** A provider's API in memory: real HTTP on a free port, every request kept, failures on demand. */
export abstract class FakeApi {
  readonly received: Received[] = [];
  /** By number of the request, from 1. */
  readonly failures = new Map<number, Failure>();
  #server: Server | null = null;

  abstract answer(request: Received): FakeReply;

  /** Jobs that were started and are paid for. */
  abstract get started(): number;

  /** Files that are kept. */
  abstract get files(): number;

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        response.writeHead(599).end(String(error));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
    return this;
  }

  get url(): string {
    const { port } = this.#server!.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** Calls of a method on a path, of this form. */
  calls(method: string, path: RegExp): readonly Received[] {
    return this.received.filter((request) => request.method === method && path.test(request.path));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received = await read(request);
    this.received.push(received);
    const failure = this.failures.get(this.received.length);
    if (failure?.when === 'before') {
      send(response, failure.reply);
      return;
    }
    const reply = this.answer(received);
    if (failure?.when === 'after') {
      response.destroy();
      return;
    }
    send(response, reply);
  }
}

function send(response: ServerResponse, { status, body, headers }: FakeReply): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined ? '' : JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<Received> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const raw = Buffer.concat(pieces);
  const url = new URL(request.url ?? '/', 'http://fake');
  const type = request.headers['content-type'] ?? '';
  const base = { method: request.method ?? '', path: url.pathname, query: Object.fromEntries(url.searchParams), headers: request.headers };
  if (type.startsWith('multipart/form-data')) return { ...base, ...readForm(raw.toString('utf8'), type) };
  if (type.startsWith('application/json')) return { ...base, body: JSON.parse(raw.toString('utf8')), file: null };
  return { ...base, body: null, file: raw.length === 0 ? null : raw.toString('utf8') };
}

function readForm(text: string, type: string): Pick<Received, 'body' | 'file'> {
  const boundary = /boundary=(.+)$/.exec(type)?.[1] ?? '';
  const fields: Record<string, string> = {};
  let file: string | null = null;
  for (const part of text.split(`--${boundary}`)) {
    const [head, ...rest] = part.split('\r\n\r\n');
    const content = rest.join('\r\n\r\n').replace(/\r\n$/, '');
    const name = /name="([^"]+)"/.exec(head ?? '')?.[1];
    const fileName = /filename="([^"]+)"/.exec(head ?? '')?.[1];
    if (fileName !== undefined) {
      file = content;
      fields.filename = fileName;
    } else if (name !== undefined) fields[name] = content;
  }
  return { body: fields, file };
}

/** What happens to a job, look by look; the last status stays. */
export class Script {
  readonly #statuses: readonly string[];
  #looks = 0;

  constructor(statuses: readonly string[]) {
    this.#statuses = statuses;
  }

  get now(): string {
    return this.#statuses[Math.min(this.#looks, this.#statuses.length - 1)]!;
  }

  look(): string {
    const status = this.now;
    this.#looks += 1;
    return status;
  }
}

/** A JSON object. */
export type Body = Readonly<Record<string, unknown>>;
/** A job with what it was made from. */
export type Job = { readonly [name: string]: unknown; readonly id: string };

/** Nothing is there. */
export const notFound: FakeReply = { status: 404, body: { error: { message: 'no such thing' } } };
/** All is well. */
export const ok = (body: unknown): FakeReply => ({ status: 200, body });
