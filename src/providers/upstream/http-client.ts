import type { ModelEvent, ModelRequest } from '../../core/index.ts';
import { bodyText, codecs } from '../codecs/index.ts';
import { parseJson } from '../codecs/shape.ts';
import type { Codec, Reading } from '../codecs/types.ts';
import { isEventStreamType, SseParser, StreamSniffer } from '../sse/index.ts';
import type { CallContext, ModelClient } from '../types.ts';
import { type AnswerBytes, AnswerQueue, restOf } from './answer-queue.ts';
import { type DecodedAnswer, decodedAnswer } from './decoded-answer.ts';
import { refusalError } from './refusal-error.ts';
import { type AnswerHead, type OutboundCall, UpstreamError, type UpstreamRequest, type UpstreamTarget } from './types.ts';
import type { Upstream } from './upstreams.ts';

/** Longest error body that is read, and longest plain answer. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** How a client asks. */
export interface HttpClientOptions {
  /** False asks for plain answers. Default true: events come as they are generated, and what is called off stops being generated. */
  readonly stream?: boolean;
}

/**
 * A live model: a codec over a vendor over an upstream. Each target, the fallbacks too, is spoken to in its own first protocol.
 * Throws UPSTREAM_BUSY, UPSTREAM_REJECTED, UPSTREAM_FAILED, UPSTREAM_INVALID, ABORTED or DEADLINE_EXCEEDED; an answer that broke off
 * after it began ends with stop `cut`, so that what was received (and paid for) is kept.
 */
export function createHttpClient(upstream: Upstream, options: HttpClientOptions = {}): ModelClient {
  return {
    call: (request, context) => context.instead?.(request) ?? callUpstream(upstream, request, context, options.stream ?? true),
  };
}

async function* callUpstream(upstream: Upstream, request: ModelRequest, context: CallContext, stream: boolean): AsyncIterable<ModelEvent> {
  const call = new WrittenCall(request, context, stream);
  const queue = new AnswerQueue();
  const exchange = upstream.send(call, queue);
  queue.exchange = exchange;
  let decoded: DecodedAnswer | null = null;
  try {
    const head = await queue.head();
    const { codec, reading } = call.readerOf(head.target);
    if (head.contentEncoding !== null) decoded = decodedAnswer(queue, head.contentEncoding, head.target.name);
    const bytes = decoded ?? queue;
    if (head.status >= 300) throw await refusalOf(head, bytes, codec);
    if (isEventStreamType(head.contentType)) yield* readStream(bytes, NOTHING, codec, reading);
    else {
      // Some upstreams do not say that their stream is one: its first bytes do.
      const { isStream, held } = await sniff(bytes);
      if (isStream) yield* readStream(bytes, held, codec, reading);
      else yield* readPlain(head, Buffer.concat([held, await restOf(bytes, MAX_ANSWER_BYTES)]), codec, reading);
    }
  } finally {
    exchange.abort();
    decoded?.close();
  }
}

/** A request in our own words, written for whichever target it goes to. */
class WrittenCall implements UpstreamRequest {
  readonly method = 'POST';
  readonly query = '';
  readonly clientRetry = false;
  readonly signal: AbortSignal | null;
  readonly deadlineAt: number | null;
  readonly #request: ModelRequest;
  readonly #stream: boolean;
  readonly #idempotencyKey: string | undefined;
  readonly #readings = new Map<string, Reading>();

  constructor(request: ModelRequest, context: CallContext, stream: boolean) {
    this.#request = request;
    this.#stream = stream;
    this.#idempotencyKey = context.idempotencyKey;
    this.signal = context.signal;
    this.deadlineAt = context.deadlineAt;
  }

  write(target: UpstreamTarget): OutboundCall {
    const { path, headers, body, reading } = codecOf(target).writeRequest(this.#request, {
      model: target.model,
      stream: this.#stream,
      quirks: target.quirks,
    });
    this.#readings.set(target.name, reading);
    const key = this.#idempotencyKey === undefined ? {} : { 'idempotency-key': this.#idempotencyKey };
    return {
      path,
      headers: Object.entries({ 'content-type': 'application/json', ...key, ...headers }).flat(),
      body: Buffer.from(bodyText(body)),
    };
  }

  readerOf(target: UpstreamTarget): { readonly codec: Codec; readonly reading: Reading } {
    return { codec: codecOf(target), reading: this.#readings.get(target.name) ?? {} };
  }
}

function codecOf(target: UpstreamTarget): Codec {
  return codecs[target.protocols[0]];
}

async function refusalOf(head: AnswerHead, bytes: AnswerBytes, codec: Codec): Promise<UpstreamError> {
  const body = await restOf(bytes, MAX_ERROR_BYTES).catch(() => Buffer.alloc(0));
  return refusalError(head.target.name, codec.readError(head.status, body.toString('utf8')), head.retryAfterMs);
}

/** Reads on until it is known whether an answer is an event stream; `held` is what came until then. */
async function sniff(bytes: AnswerBytes): Promise<{ readonly isStream: boolean; readonly held: Buffer }> {
  const sniffer = new StreamSniffer();
  for (;;) {
    const chunk = await bytes.next();
    const verdict = chunk === null ? 'plain' : sniffer.push(chunk);
    if (verdict !== null) return { isStream: verdict === 'stream', held: sniffer.held };
  }
}

/** `held`: what came before the rest of the bytes. */
async function* readStream(bytes: AnswerBytes, held: Buffer, codec: Codec, reading: Reading): AsyncIterable<ModelEvent> {
  const parser = new SseParser();
  const reader = codec.streamReader(reading);
  try {
    for (let chunk: Buffer | null = held; chunk !== null; chunk = await bytes.next()) {
      for (const frame of parser.push(chunk)) {
        for (const event of reader.push(frame)) {
          yield event;
          // What an upstream sends after its end is nobody's answer.
          if (event.type === 'end') return;
        }
      }
    }
    for (const frame of parser.end()) yield* reader.push(frame);
  } catch (error) {
    if (!isCut(error)) throw error;
  }
  yield* reader.finish();
}

/** The connection broke, or the bytes are no events: what came before is an answer that was cut. An abort or a deadline is not. */
function isCut(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === 'UPSTREAM_FAILED' || code === 'UPSTREAM_INVALID';
}

async function* readPlain(head: AnswerHead, body: Buffer, codec: Codec, reading: Reading): AsyncIterable<ModelEvent> {
  const json = parseJson(body.toString('utf8'));
  if (json === undefined)
    throw new UpstreamError('UPSTREAM_INVALID', `The upstream of ${head.target.name} sent an answer that is not JSON.`);
  yield* codec.readResponse(json, reading);
}
