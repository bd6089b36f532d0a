import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { ClientAnswer, ClientHead } from '../../src/gateway/client.ts';
import { Front, type RequestHead } from '../../src/gateway/front/index.ts';

/** A request that has come in whole, whoever read it. */
export interface ReadRequest extends ClientHead {
  readonly socket: Socket;
  readonly body: Buffer;
}

/** Answers a request; the same code over node:http and over the front. `isFront`: the front has read it. */
export type Handler = (request: ReadRequest, answer: ClientAnswer, isFront: boolean) => void;

/** A server for a test. */
export interface TestServer {
  readonly server: Server;
  readonly port: number;
  close(): Promise<void>;
}

/** A server behind a front, with a clock that a test moves. */
export interface FrontServer extends TestServer {
  readonly front: Front<RequestHead>;
  /** How many connections node:http was given. */
  readonly handedOver: () => number;
  /** Moves the clock and lets the front look at its connections. */
  pass(ms: number): void;
}

/** How such a server differs from the others. */
export interface FrontServerOptions {
  readonly maxConnections?: number;
  /** Of node:http. */
  readonly settings?: ServerOptions;
}

/** What a client got on a connection: all bytes until the server closed it, as Latin-1. */
export type Heard = string;

/** How the gateway sets node:http up, where it matters here. */
const SETTINGS = {
  keepAliveTimeout: 75_000,
  headersTimeout: 30_000,
  requestTimeout: 0,
  noDelay: true,
  requireHostHeader: false,
  maxHeaderSize: 64 * 1024,
};
const SEND_TIMEOUT_MS = 300_000;
const PATH_OF_FRONT = '/front';

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function serverOf(handler: Handler, settings: ServerOptions = {}): Server {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const { method, url, httpVersion, headers, rawHeaders, socket } = request;
      handler({ method, url, httpVersion, headers, rawHeaders, socket, body: Buffer.concat(chunks) }, response, false);
    });
  };
  const server = createServer({ ...SETTINGS, ...settings }, listener);
  server.on('checkExpectation', listener);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (!socket.writable) socket.destroy();
    else socket.end(`HTTP/1.1 400 ${error.code}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  });
  return server;
}

/** Starts a server of node:http alone. */
export async function openPlain(handler: Handler): Promise<TestServer> {
  const server = serverOf(handler);
  const port = await listening(server);
  return {
    server,
    port,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Starts the same server behind a front that takes every path that begins with `/front`. */
export async function openFront(handler: Handler, options: FrontServerOptions = {}): Promise<FrontServer> {
  const server = serverOf(handler, options.settings);
  let handed = 0;
  server.on('connection', () => {
    handed += 1;
  });
  let now = 0;
  const front = new Front<RequestHead>(server, {
    keepAliveMs: SETTINGS.keepAliveTimeout,
    sendTimeoutMs: SEND_TIMEOUT_MS,
    maxConnections: options.maxConnections ?? 1_000,
    now: () => now,
    targetOf: (head) => (head.url.startsWith(PATH_OF_FRONT) ? head : null),
    onRequest: (request, answer) => handler(request, answer, true),
  });
  const port = await listening(server);
  return {
    server,
    front,
    port,
    handedOver: () => handed,
    pass: (ms) => {
      now += ms;
      front.sweep();
    },
    close: async () => {
      server.close();
      front.destroy();
      server.closeAllConnections();
    },
  };
}

/** A request as text. */
export function requestText(headers: readonly string[], body = '', line = 'POST /front HTTP/1.1'): string {
  return [line, ...headers, '', body].join('\r\n');
}

/** A plain request with a body, as the front reads it. */
export function plainText(body: string, path = '/front', headers: readonly string[] = []): string {
  return requestText(['Host: x', `Content-Length: ${body.length}`, ...headers], body, `POST ${path} HTTP/1.1`);
}

/** A connection of a client, with everything that came on it so far. */
export interface Talk {
  readonly socket: Socket;
  readonly heard: () => Heard;
  /** Resolves as the server closes the connection; a reset is shown as `[reset]` at the end. */
  readonly closed: Promise<Heard>;
  /** Resolves when so many answers with a length have come whole. */
  answers(count: number): Promise<Heard>;
}

/** Connects. `reads` is false for a client that leaves its answers unread until it resumes. */
export async function talkTo(port: number, reads = true): Promise<Talk> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const chunks: Buffer[] = [];
  let length = 0;
  let isReset = false;
  const heard = () => Buffer.concat(chunks).toString('latin1') + (isReset ? '[reset]' : '');
  let check: () => void = () => undefined;
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    check();
  });
  if (!reads) socket.pause();
  socket.on('error', () => {
    isReset = true;
  });
  const closed = new Promise<Heard>((resolve) => socket.once('close', () => resolve(heard())));
  const answers = (count: number) =>
    Promise.race([
      closed,
      new Promise<Heard>((resolve) => {
        let needed = 0;
        check = () => {
          // Long answers come in many pieces, and are not read again for each.
          if (length < needed) return;
          try {
            if (readAnswers(heard()).length >= count) resolve(heard());
          } catch (error) {
            if (!(error instanceof NotWhole)) throw error;
            needed = error.needed;
          }
        };
        check();
      }),
    ]);
  return { socket, heard, closed, answers };
}

/**
 * Sends pieces one by one, each in a turn of the event loop of its own, and returns what came back: until so many answers are whole, or
 * the server closes the connection. With `halfCloses`, the client says at the end that it will send nothing more.
 */
export async function ask(port: number, pieces: readonly string[], until: { answers?: number; halfCloses?: boolean } = {}): Promise<Heard> {
  const talk = await talkTo(port);
  for (const [at, piece] of pieces.entries()) {
    if (at > 0) await turns(2);
    if (!talk.socket.destroyed) talk.socket.write(piece, 'latin1');
  }
  if (until.halfCloses === true) talk.socket.end();
  const heard = await (until.answers === undefined ? talk.closed : talk.answers(until.answers));
  talk.socket.destroy();
  return heard;
}

/** Lets the event loop go round. */
export async function turns(count = 4): Promise<void> {
  for (let i = 0; i < count; i += 1) await turn();
}

/** Lets the event loop go round until something is so; a test that waits for ever runs into its time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** An answer as a strict reader takes it apart. */
export interface ReadAnswer {
  readonly line: string;
  /** `name: value`, names in lower case, without the date. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** An answer of which more has to come, and how much there must be at least. */
class NotWhole extends Error {
  readonly needed: number;

  constructor(needed: number) {
    super('an answer that is not whole');
    this.needed = needed;
  }
}

/** Takes apart everything that came on a connection. Throws for what RFC 9112 does not know, and for an answer that is not whole. */
export function readAnswers(text: Heard): readonly ReadAnswer[] {
  const answers: ReadAnswer[] = [];
  let at = 0;
  while (at < text.length) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end === -1) throw new NotWhole(text.length + 1);
    const [line = '', ...lines] = text.slice(at, end).split('\r\n');
    if (!/^HTTP\/1\.1 \d{3} [\w ' -]+$/.test(line)) throw new Error(`no status line: ${line}`);
    const headers = lines.map((header) => {
      const match = /^([\w-]+): ([^\r\n]*)$/.exec(header);
      if (match === null) throw new Error(`no header: ${header}`);
      return `${match[1]?.toLowerCase()}: ${match[2]}`;
    });
    const [next, body] = bodyAt(text, end + 4, line, headers);
    answers.push({ line, headers: headers.filter((header) => !header.startsWith('date: ')), body });
    at = next;
  }
  return answers;
}

function bodyAt(text: string, at: number, line: string, headers: readonly string[]): readonly [next: number, body: string] {
  const headerOf = (name: string) => headers.find((header) => header.startsWith(`${name}: `))?.slice(name.length + 2);
  if (/^HTTP\/1\.1 (204|304|1\d\d) /.test(line)) return [at, ''];
  if (headerOf('transfer-encoding') === 'chunked') return chunksAt(text, at);
  const length = Number(headerOf('content-length'));
  if (!Number.isInteger(length)) throw new Error('a body without a length');
  if (text.length < at + length) throw new NotWhole(at + length);
  return [at + length, text.slice(at, at + length)];
}

function chunksAt(text: string, from: number): readonly [next: number, body: string] {
  let at = from;
  let body = '';
  for (;;) {
    const line = text.slice(at, at + 20);
    const size = /^([0-9a-f]+)\r\n/.exec(line);
    if (size === null && !line.includes('\n') && line.length < 20) throw new NotWhole(text.length + 1);
    if (size === null) throw new Error(`no size of a chunk: ${JSON.stringify(text.slice(at, at + 20))}`);
    const start = at + size[0].length;
    const length = Number.parseInt(size[1] as string, 16);
    if (text.length < start + length + 2) throw new NotWhole(start + length + 2);
    if (text.slice(start + length, start + length + 2) !== '\r\n') throw new Error('a chunk that does not end');
    at = start + length + 2;
    if (length === 0) return [at, body];
    body += text.slice(start, start + length);
  }
}
