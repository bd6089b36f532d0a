import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { countReply, messageReply } from './anthropic.ts';
import { errorBody, errorReply, type Family, refusalOf } from './errors.ts';
import { chatReply, completionReply, embeddingReply } from './openai-chat.ts';
import { responseReply } from './openai-responses.ts';
import type { Body, Fault, Reply, SeenRequest } from './types.ts';

export { errorBody } from './errors.ts';
export type { Fault, Reply, SeenRequest } from './types.ts';

/** A provider that lives on loopback: it speaks both families, keeps what it was sent, and fails as it is told. */
export interface FakeUpstream {
  /** `http://127.0.0.1:PORT`: Anthropic's base URL. OpenAI's is this and `/v1`. */
  readonly origin: string;
  /** Everything that arrived, in order. */
  readonly seen: readonly SeenRequest[];
  /** The faults of the next requests, one each; null for a good answer. */
  next(...faults: readonly (Fault | null)[]): void;
  /** The fault of every request that `next` says nothing of; null (the beginning) for none. */
  always(fault: Fault | null): void;
  /** The n-th request that arrives, from 0; waits for it. */
  request(index: number): Promise<SeenRequest>;
  /** Forgets requests and faults. */
  reset(): void;
  close(): Promise<void>;
}

interface State {
  readonly key: string | null;
  readonly seen: SeenRequest[];
  readonly queue: (Fault | null)[];
  readonly waiting: Set<() => void>;
  always: Fault | null;
}

/** Starts a fake upstream on a free loopback port. With `key`, requests must carry it as a bearer token or x-api-key. */
export async function startFakeUpstream(options: { readonly key?: string } = {}): Promise<FakeUpstream> {
  const state: State = { key: options.key ?? null, seen: [], queue: [], waiting: new Set(), always: null };
  const server: Server = createServer({ requestTimeout: 0, highWaterMark: 1 << 20 }, (request, response) => {
    handle(state, request, response).catch(() => response.destroy());
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: state.seen,
    next: (...faults) => void state.queue.push(...faults),
    always: (fault) => {
      state.always = fault;
    },
    request: (index) => arrival(state, index),
    reset: () => {
      state.seen.length = 0;
      state.queue.length = 0;
      state.always = null;
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

async function arrival(state: State, index: number): Promise<SeenRequest> {
  for (;;) {
    const request = state.seen[index];
    if (request) return request;
    await new Promise<void>((resolve) => state.waiting.add(resolve));
  }
}

async function handle(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // Listened for from the start: a caller may be gone before its request is read.
  const over = new Promise<'done' | 'gone'>((resolve) => {
    response.once('close', () => resolve(response.writableFinished ? 'done' : 'gone'));
  });
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const seen: SeenRequest = {
    method: request.method ?? '',
    target: request.url ?? '',
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    bytes,
    json: objectIn(bytes),
    over,
  };
  const fault = state.queue.length > 0 ? (state.queue.shift() ?? null) : state.always;
  state.seen.push(seen);
  for (const wake of state.waiting) wake();
  state.waiting.clear();
  await answer(seen, replyTo(seen, state.key), fault, response);
}

function replyTo(seen: SeenRequest, key: string | null): Reply {
  const path = seen.target.replace(/\?.*$/, '');
  const family: Family = path.includes('/messages') || seen.headers['anthropic-version'] !== undefined ? 'anthropic' : 'openai';
  const given = seen.headers.authorization?.replace(/^Bearer /, '') ?? seen.headers['x-api-key'];
  if (key !== null && given !== key) {
    const error =
      family === 'anthropic'
        ? { type: 'authentication_error', message: 'invalid x-api-key' }
        : { type: 'invalid_request_error', message: 'Incorrect API key provided.', code: 'invalid_api_key' };
    return errorReply(family, 401, errorBody(family, error));
  }
  const body = seen.json;
  if (seen.method === 'POST' && body) {
    const refusal = refusalOf(family, body);
    if (refusal) return errorReply(family, refusal.status, refusal.body);
    if (path.endsWith('/chat/completions')) return chatReply(body);
    if (path.endsWith('/responses')) return responseReply(body);
    if (path.endsWith('/embeddings')) return embeddingReply(body);
    if (path.endsWith('/completions')) return completionReply(body);
    if (path.endsWith('/messages/count_tokens')) return countReply(body);
    if (path.endsWith('/messages')) return messageReply(body);
  }
  return otherReply(seen, path);
}

/** Every endpoint that a gateway only passes on: things with ids are made and found, the rest is echoed. */
function otherReply(seen: SeenRequest, path: string): Reply {
  const [collection, id] = path.split('/v1/')[1]?.split('/') ?? [];
  const kinds: Record<string, string> = { files: 'file', batches: 'batch', responses: 'resp', fine_tuning: 'ftjob' };
  const kind = kinds[collection ?? ''];
  const made = kind !== undefined && seen.method === 'POST' && (id === undefined || id === 'jobs');
  const json = {
    id: made ? `${kind}-${seen.bytes.length}-fake` : (id ?? 'none'),
    object: kind ?? 'echo',
    method: seen.method,
    target: seen.target,
    bytes: seen.bytes.length,
  };
  return { status: 200, headers: { 'x-request-id': 'req_fake_other' }, body: { json } };
}

async function answer(seen: SeenRequest, good: Reply, fault: Fault | null, response: ServerResponse): Promise<void> {
  switch (fault?.kind) {
    case 'status':
      response.writeHead(fault.status, { 'content-type': fault.body.startsWith('<') ? 'text/html' : 'application/json', ...fault.headers });
      return void response.end(fault.body);
    case 'reset':
      return void response.socket?.resetAndDestroy();
    case 'silent':
      return;
    case 'rewrite':
      return send(response, fault.rewrite(good, seen));
    case 'slow-first-byte':
      await Promise.race([after(fault.ms), seen.over]);
      return send(response, good);
    case 'stall':
    case 'cut':
    case 'early-end':
    case 'endless':
      return sendHalf(response, good, fault.kind);
    case 'malformed':
      return send(response, withMalformedFrame(good));
    case 'gzip':
      return sendCompressed(response, good);
    case 'byte-by-byte':
      return sendBytes(response, good);
    case undefined:
      return send(response, good);
  }
}

function textOf(body: Exclude<Reply['body'], { frames: unknown }>): string {
  return 'text' in body ? body.text : JSON.stringify(body.json);
}

function piecesOf(reply: Reply): string[] {
  if ('frames' in reply.body) return [...reply.body.frames];
  const text = textOf(reply.body);
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

function begin(response: ServerResponse, reply: Reply, length: number | null): void {
  const type = 'frames' in reply.body ? 'text/event-stream; charset=utf-8' : 'application/json';
  response.writeHead(reply.status, {
    'content-type': type,
    ...(length === null ? {} : { 'content-length': String(length) }),
    'keep-alive': 'timeout=777',
    ...reply.headers,
  });
}

async function send(response: ServerResponse, reply: Reply): Promise<void> {
  if (!('frames' in reply.body)) {
    const bytes = Buffer.from(textOf(reply.body));
    begin(response, reply, bytes.length);
    response.end(bytes);
    return;
  }
  begin(response, reply, null);
  for (const frame of reply.body.frames) {
    response.write(frame);
    await new Promise(setImmediate);
  }
  response.end();
}

async function sendHalf(response: ServerResponse, reply: Reply, then: 'stall' | 'cut' | 'early-end' | 'endless'): Promise<void> {
  const pieces = piecesOf(reply);
  begin(response, reply, 'frames' in reply.body ? null : Buffer.byteLength(pieces.join('')));
  const half = pieces.slice(0, Math.ceil(pieces.length / 2));
  for (const piece of half) response.write(piece);
  if (then === 'early-end') response.end();
  if (then === 'cut') {
    // What was written must be on its way before the connection ends.
    await new Promise<void>((resolve) => response.write('', () => resolve()));
    response.socket?.resetAndDestroy();
  }
  if (then !== 'endless') return;
  const again = half.at(-1) ?? '';
  const timer = setInterval(() => response.write(again), 5);
  response.once('close', () => clearInterval(timer));
}

function withMalformedFrame(reply: Reply): Reply {
  if (!('frames' in reply.body)) return { ...reply, body: { text: '{"id":"x","choices":[{"index":0,' } };
  const frames = [...reply.body.frames];
  const middle = Math.floor(frames.length / 2);
  frames[middle] = (frames[middle] ?? '').replace(/data: .*/, 'data: {"id":"x","choices":[{"delta":{"con');
  return { ...reply, body: { frames } };
}

function sendCompressed(response: ServerResponse, reply: Reply): void {
  const bytes = gzipSync(piecesOf(reply).join(''));
  begin(response, { ...reply, headers: { ...reply.headers, 'content-encoding': 'gzip' } }, bytes.length);
  response.end(bytes);
}

async function sendBytes(response: ServerResponse, reply: Reply): Promise<void> {
  begin(response, reply, null);
  for (const byte of Buffer.from(piecesOf(reply).join(''))) {
    response.write(Buffer.of(byte));
    await new Promise(setImmediate);
  }
  response.end();
}

function objectIn(bytes: Buffer): Body | null {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : null;
  } catch {
    return null;
  }
}
