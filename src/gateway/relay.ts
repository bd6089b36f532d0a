import { type Call, type ErrorCode, SmallfirstError } from '../core/index.ts';
import {
  type AnswerHead,
  type AnswerSink,
  codecs,
  type OutboundCall,
  StreamSniffer,
  type Tap,
  type TapReport,
  type Upstream,
  type Exchange as UpstreamExchange,
  type UpstreamRequest,
  type UpstreamTarget,
} from '../providers/index.ts';
import { answerError, answerJson, cut, endWith } from './answer.ts';
import { relayedHeaders } from './answer-headers.ts';
import { type BatchResults, batchResultsOf } from './batch-results.ts';
import type { Booked, Booking } from './booking.ts';
import type { ErrorLines } from './error-lines.ts';
import { renderForeignError } from './errors.ts';
import type { Exchange, Worker } from './exchange.ts';
import { errorFrame, errorHeaders, mayPass, withoutAccount } from './foreign-error.ts';
import { outboundCall, speaks } from './outbound.ts';
import { RelayBooking } from './relay-booking.ts';
import { mayBeError, relayMask, relayTap } from './relay-tap.ts';
import { Stream, type Streams } from './stream.ts';
import { isEventStream, mayBeStream } from './stream-sniff.ts';
import type { GatewayDeps } from './types.ts';

/** Plain answers up to this length are held until they are whole: their headers then tell their cost, and a cut one becomes an error. */
const MAX_HELD = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** What a relay needs beyond the exchange. */
export interface RelayOptions {
  readonly upstream: Upstream;
  /** The config names the model: its name on the wire is put in place of it. */
  readonly renames: boolean;
  readonly streams: Streams;
  readonly booking: Booking;
}

/**
 * Passes a request and its answer on as bytes, and books what the answer says it used. The last bytes of an answer go out when its
 * row is durable: a plain body whole or by its last chunk, a stream by the frame that closes it.
 */
export class Relay implements UpstreamRequest, AnswerSink, Worker, Booked {
  readonly method: string;
  readonly query: string;
  readonly signal = null;
  readonly deadlineAt: number | null;
  readonly clientRetry: boolean;
  readonly #exchange: Exchange;
  readonly #deps: GatewayDeps;
  readonly #options: RelayOptions;
  readonly #booking: RelayBooking;
  #sending: UpstreamExchange | null = null;
  #head: AnswerHead | null = null;
  #sniffer: StreamSniffer | null = null;
  #tap: Tap | null = null;
  /** Behind the tap of a stream. */
  #mask: ErrorLines | null = null;
  /** The answer may be what a batch brought: each line of it is a call. */
  #results: BatchResults | null = null;
  #stream: Stream | null = null;
  /** A plain answer: what of it is held, and how long that is. */
  #held: Buffer[] = [];
  #heldLength = 0;
  #isFlowing = false;
  #waitsForDrain = false;
  /** A stream is complete, and its last frames wait until its tokens are counted. */
  #isCounting = false;
  /** The upstream's end came meanwhile. */
  #hasEnded = false;

  constructor(exchange: Exchange, deps: GatewayDeps, options: RelayOptions) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#options = options;
    const { upstream, renames, streams } = options;
    this.#booking = new RelayBooking({ exchange, deps, streams, target: upstream.target, renames });
    this.method = exchange.request.method ?? 'POST';
    this.query = exchange.query;
    this.deadlineAt = exchange.deadlineAt;
    this.clientRetry = exchange.clientRetry;
  }

  /** Sends the request. */
  start(): void {
    this.#exchange.worker = this;
    this.#exchange.sentAt = this.#deps.clock.monotonic();
    this.#sending = this.#options.upstream.send(this, this);
  }

  write(target: UpstreamTarget): OutboundCall | null {
    return speaks(target, this.#exchange) ? outboundCall(this.#exchange, target, this.#options.renames) : null;
  }

  onHead(head: AnswerHead): void {
    this.#head = head;
    this.#booking.head = head;
    const isStream = isEventStream(head);
    if (!isStream && mayBeStream(head, this.#exchange)) this.#sniffer = new StreamSniffer();
    else this.#begin(head, isStream);
  }

  /** It is known what the answer is: how it is read, and how it goes on. */
  #begin(head: AnswerHead, isStream: boolean): void {
    const exchange = this.#exchange;
    this.#sniffer = null;
    this.#tap = relayTap(exchange, head, isStream, (text) => {
      this.#booking.written += text;
    });
    if (!isStream) {
      this.#results = batchResultsOf(exchange, this.#deps, head);
      return;
    }
    this.#booking.isStream = true;
    this.#stream = new Stream(exchange, this.#options.streams, exchange.route.family);
    this.#mask = relayMask(head);
    const headers = this.#headers(head, this.#tap?.edits === true || this.#mask !== null);
    if (head.contentType === null) headers.push('content-type', 'text/event-stream');
    exchange.response.writeHead(head.status, headers);
    this.#stream.open(head.contentEncoding === null);
  }

  onData(chunk: Buffer): boolean {
    this.#exchange.capture?.heard(chunk);
    this.#exchange.afterward?.heard(chunk);
    this.#booking.firstByteAt ??= this.#deps.clock.monotonic();
    if (this.#sniffer !== null) return this.#sniff(this.#sniffer, chunk);
    return this.#stream === null ? this.#plainData(chunk) : this.#streamData(this.#stream, chunk);
  }

  /** The answer does not say what it is: its first bytes tell. */
  #sniff(sniffer: StreamSniffer, chunk: Buffer): boolean {
    const verdict = sniffer.push(chunk);
    if (verdict === null) return true;
    this.#begin(this.#head as AnswerHead, verdict === 'stream');
    return this.#stream === null ? this.#plainData(sniffer.held) : this.#streamData(this.#stream, sniffer.held);
  }

  onEnd(): void {
    this.#exchange.answeredAt = this.#deps.clock.monotonic();
    const sniffer = this.#sniffer;
    if (sniffer !== null) {
      this.#begin(this.#head as AnswerHead, false);
      if (sniffer.held.length > 0) this.#plainData(sniffer.held);
    }
    if (this.#stream === null) this.#plainEnd();
    else this.#streamEnd(this.#stream);
  }

  onError(error: SmallfirstError): void {
    if (this.#isCounting) {
      this.#hasEnded = true;
      return;
    }
    this.#exchange.answeredAt = this.#deps.clock.monotonic();
    // What stopped a body on its way is the client's doing, not the upstream's.
    this.#fail(error.cause instanceof SmallfirstError ? error.cause : error);
  }

  /** The client has gone: so does its request upstream, and what it used until now is booked. */
  onClientGone(): void {
    this.#sending?.abort();
    this.#stream?.close();
    this.#exchange.errorCode = 'ABORTED';
    this.#bookBroken('aborted', 'ABORTED');
  }

  // --- plain answers ------------------------------------------------------------------------------------------------------------

  #plainData(chunk: Buffer): boolean {
    this.#results?.push(chunk);
    const out = this.#tap === null ? chunk : this.#tap.push(chunk);
    if (this.#isFlowing) {
      // One chunk is always kept back, so that the last one can wait for the row.
      const last = this.#held.pop() ?? NOTHING;
      this.#held.push(out);
      return this.#write(last);
    }
    this.#held.push(out);
    this.#heldLength += out.length;
    if (this.#heldLength <= MAX_HELD || this.#tap?.edits === true) return true;
    return this.#flow();
  }

  /** Too long to hold: it goes out as it comes. */
  #flow(): boolean {
    const head = this.#head as AnswerHead;
    this.#isFlowing = true;
    this.#exchange.response.writeHead(head.status, this.#headers(head, false));
    const last = this.#held.pop() ?? NOTHING;
    const first = Buffer.concat(this.#held);
    this.#held = [last];
    return this.#write(first);
  }

  #plainEnd(): void {
    const head = this.#head as AnswerHead;
    const tail = this.#tap?.end() ?? NOTHING;
    if (tail.length > 0) this.#held.push(tail);
    this.#results?.end();
    this.#exchange.worker = null;
    if (head.status < 300) this.#remember();
    const report = head.status < 400 ? (this.#tap?.report() ?? null) : null;
    if (head.status >= 400) this.#recordPlain(this.#booking.refusalRow(head.status));
    else if (!this.#booking.mustCount(report)) this.#recordPlain(this.#booking.row({ outcome: 'accepted', error: null, report }));
    else {
      this.#booking.count(report, (counted) => this.#recordPlain(this.#booking.row({ outcome: 'accepted', error: null, report, counted })));
    }
  }

  #recordPlain(row: Call | null): void {
    if (row === null) this.onBooked();
    else this.#exchange.recordSoon(row, this.#options.booking, this);
  }

  /** The row of a plain answer is durable: what was held of it goes out. */
  onBooked(): void {
    const head = this.#head as AnswerHead;
    const { response, request, route } = this.#exchange;
    const body = this.#held.length === 1 ? (this.#held[0] ?? NOTHING) : Buffer.concat(this.#held);
    this.#held = [];
    if (this.#isFlowing) {
      response.end(body);
      return;
    }
    if (head.status >= 400 && request.method !== 'HEAD' && !mayPass(head, body)) {
      const document = renderForeignError(head.status, route.protocol, this.#exchange.id);
      answerJson(this.#exchange, head.status, document, errorHeaders(head, this.#exchange.reservation?.headers != null));
      return;
    }
    // Nothing was sent yet, so the length is known; but to a HEAD it is the upstream's word.
    const hasLength = request.method !== 'HEAD' && head.status !== 204 && head.status !== 304;
    const headers = this.#headers(head, hasLength);
    const told = mayBeError(this.#exchange, head, this.#tap) ? withoutAccount(head, body) : body;
    if (hasLength) headers.push('content-length', String(told.length));
    const cost = this.#exchange.lastRow?.cost ?? null;
    if (cost !== null) headers.push('x-smallfirst-cost-usd', (cost / 1e9).toFixed(9));
    response.writeHead(head.status, headers);
    endWith(response, told);
  }

  /** What the upstream keeps of this call belongs to the key that made it. */
  #remember(): void {
    const { ownership } = this.#deps;
    const upstream = (this.#head as AnswerHead).target.name;
    const { kind } = this.#exchange.route;
    if (kind === 'call') ownership.rememberCall(this.#exchange, this.#tap?.report().upstreamId ?? null, upstream);
    else if (kind === 'endpoint' && !this.#isFlowing) ownership.rememberAnswer(this.#exchange, Buffer.concat(this.#held), upstream);
  }

  onBookedFailed(error: unknown): void {
    answerError(this.#exchange, error);
  }

  // --- streams ------------------------------------------------------------------------------------------------------------------

  #streamData(stream: Stream, chunk: Buffer): boolean {
    const tap = this.#tap;
    let out = chunk;
    try {
      if (tap !== null) out = tap.push(chunk);
    } catch (error) {
      // A frame too long to be one: neither can it be passed on, nor what follows it.
      this.#sending?.abort();
      this.#fail(
        error instanceof SmallfirstError ? error : new SmallfirstError('INTERNAL', 'A stream could not be read.', { cause: error }),
      );
      return true;
    }
    if (this.#mask !== null) out = this.#mask.push(out);
    if (tap?.ended === true && !this.#booking.isMade && !this.#isCounting) {
      this.#remember();
      const report = tap.report();
      if (this.#booking.mustCount(report)) this.#countStream(stream, report);
      else this.#booking.bookStream(report);
    }
    if (out.length === 0) return true;
    if (this.#isCounting) {
      this.#held.push(out);
      return true;
    }
    stream.passed(out);
    return this.#write(out);
  }

  #countStream(stream: Stream, report: TapReport): void {
    this.#isCounting = true;
    this.#booking.count(report, (counted) => {
      this.#isCounting = false;
      this.#booking.bookStream(report, counted);
      if (this.#exchange.response.destroyed) return;
      for (const bytes of this.#held.splice(0)) {
        stream.passed(bytes);
        this.#write(bytes);
      }
      if (this.#hasEnded) this.#streamEnd(stream);
    });
  }

  #streamEnd(stream: Stream): void {
    if (this.#isCounting) {
      this.#hasEnded = true;
      return;
    }
    const tap = this.#tap;
    const { response } = this.#exchange;
    const last = tap?.end() ?? NOTHING;
    const tail = this.#mask === null ? last : Buffer.concat([this.#mask.push(last), this.#mask.end()]);
    const report = tap?.report() ?? null;
    if (tap !== null && report !== null && !tap.ended && !report.complete) {
      if (tail.length > 0) {
        stream.passed(tail);
        response.write(tail);
      }
      this.#fail(new SmallfirstError('UPSTREAM_FAILED', 'The upstream ended its answer in the middle.'));
      return;
    }
    const close = (): void => {
      this.#exchange.worker = null;
      stream.close();
      if (tail.length > 0) response.end(tail);
      else response.end();
    };
    if (this.#booking.mustCount(report)) {
      this.#booking.count(report, (counted) => {
        this.#booking.bookStream(report, counted);
        close();
      });
      return;
    }
    this.#booking.bookStream(report);
    close();
  }

  // --- ends ---------------------------------------------------------------------------------------------------------------------

  /** No answer, or only a part of one: an error where nothing was sent yet, else an end that looks cut. */
  #fail(error: SmallfirstError): void {
    const exchange = this.#exchange;
    exchange.errorCode = error.code;
    const stream = this.#stream;
    if (this.#booking.isMade) {
      // It was complete: what broke afterwards is nobody's loss.
      exchange.worker = null;
      stream?.close();
      exchange.response.end();
      return;
    }
    if (stream !== null) {
      this.#bookBroken('failed', error.code);
      if (stream.isBetweenFrames) {
        const writer = codecs[exchange.route.protocol];
        exchange.response.write(Buffer.from(errorFrame(writer.protocol, writer.writeError(error.row.http, { message: error.message }))));
      }
      stream.close();
      cut(exchange);
      return;
    }
    if (this.#isFlowing) {
      this.#bookBroken('failed', error.code);
      cut(exchange);
      return;
    }
    this.#held = [];
    if (this.#head === null) this.#booking.book({ outcome: 'failed', error: error.code, report: null });
    else this.#bookBroken('failed', error.code);
    answerError(exchange, error);
  }

  #write(bytes: Buffer): boolean {
    const { response } = this.#exchange;
    if (response.write(bytes)) return true;
    if (!this.#waitsForDrain) {
      this.#waitsForDrain = true;
      response.once('drain', () => {
        this.#waitsForDrain = false;
        this.#sending?.resume();
      });
    }
    return false;
  }

  #headers(head: AnswerHead, isEdited: boolean): string[] {
    return relayedHeaders(this.#exchange, head, { renames: this.#options.renames, isEdited, directory: this.#deps.directory });
  }

  #bookBroken(outcome: 'failed' | 'aborted', error: ErrorCode): void {
    this.#booking.bookBroken({ outcome, error, report: this.#tap?.report() ?? null });
  }
}
