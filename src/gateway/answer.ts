import type { IncomingMessage } from 'node:http';
import { type ErrorCode, SmallfirstError } from '../core/index.ts';
import { bodyText, type JsonObject } from '../providers/index.ts';
import { hasBody } from './body.ts';
import type { ClientAnswer } from './client.ts';
import { renderError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { Family } from './parties.ts';

/** A name that can stand in a header as it is. */
export const SAFE_NAME: RegExp = /^[\x21-\x7e]{1,256}$/;

/** Headers that every answer carries after those of the upstream. */
export function ownHeaders(exchange: Exchange): string[] {
  const headers = ['x-smallfirst-request-id', exchange.id];
  if (exchange.task !== null) headers.push('x-smallfirst-task', exchange.task.name, 'x-smallfirst-mode', exchange.task.mode);
  if (exchange.pipeline !== null && SAFE_NAME.test(exchange.pipeline)) headers.push('x-smallfirst-pipeline', exchange.pipeline);
  if (exchange.closesConnection) headers.push('connection', 'close');
  return headers;
}

/** The name under which each family's clients look for the id of a request. */
const ID_HEADERS: Readonly<Record<Family, string>> = { openai: 'x-request-id', anthropic: 'request-id' };

/** The request's id as its client's SDK reads it, for an answer that no upstream's id comes with; nothing beside one that `headers` hold. */
export function idHeader({ route, id }: Pick<Exchange, 'route' | 'id'>, headers: readonly string[] = []): string[] {
  const name = ID_HEADERS[route.family];
  return headers.includes(name) ? [] : [name, id];
}

/** Answers with JSON of our own and ends the exchange. */
export function answerJson(exchange: Exchange, status: number, document: JsonObject, headers: readonly string[] = []): void {
  const body = Buffer.from(bodyText(document));
  const { response } = exchange;
  exchange.worker = null;
  // A body that is not read would be taken for the next request.
  const { request } = exchange;
  const sender = request.complete || !hasBody(request) ? null : request;
  if (sender !== null) exchange.closesConnection = true;
  response.writeHead(status, [
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
    ...headers,
    ...idHeader(exchange, headers),
    ...ownHeaders(exchange),
  ]);
  if (request.method === 'HEAD') response.end();
  else if (sender !== null) endLater(sender, response, body);
  else response.end(body);
}

/** Bodies up to this length are written in one piece with their head. */
const MAX_JOINED = 16 * 1024;

/** Ends an answer with its body. A short one goes as a text of bytes, which leaves together with the head in one buffer. */
export function endWith(response: ClientAnswer, body: Buffer): void {
  if (body.length <= MAX_JOINED) response.end(body.toString('latin1'), 'latin1');
  else response.end(body);
}

/** How long a client may go on sending what nobody reads any more. */
const LINGER_MS = 1_000;

/**
 * Answers a client that is still sending. Closing at once would reset its connection, and the answer would be lost: so the answer is
 * written whole, and what still comes is thrown away for a moment.
 */
function endLater(request: IncomingMessage, response: ClientAnswer, body: Buffer): void {
  response.write(body);
  const end = (): void => {
    clearTimeout(timer);
    if (!response.writableEnded) response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.once('end', end);
  response.once('close', end);
  request.resume();
}

/** Answers with an error, where the answer has not begun; cuts it off, where it has. */
export function answerError(exchange: Exchange, error: unknown): void {
  exchange.errorCode = codeOf(error);
  const { response } = exchange;
  if (response.headersSent) {
    cut(exchange);
    return;
  }
  const { status, headers, body } = renderError(error, exchange.route.protocol, exchange.id);
  answerJson(exchange, status, body, headers);
}

/**
 * Ends an answer that cannot be completed so that it looks cut: what was written still arrives, the connection closes, and the end of
 * the body never comes.
 */
export function cut(exchange: Exchange): void {
  const { response } = exchange;
  exchange.worker = null;
  const { socket } = response;
  if (socket === null) {
    response.destroy();
    return;
  }
  socket.destroySoon();
}

function codeOf(error: unknown): ErrorCode {
  return error instanceof SmallfirstError ? error.code : 'INTERNAL';
}
