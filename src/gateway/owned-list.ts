import { SmallfirstError } from '../core/index.ts';
import type { AnswerHead, AnswerSink, JsonObject, OutboundCall, Upstream, UpstreamRequest, UpstreamTarget } from '../providers/index.ts';
import { answerError, answerJson } from './answer.ts';
import { describesBody, passedHeaders } from './answer-headers.ts';
import { renderForeignError } from './errors.ts';
import type { Exchange, Worker } from './exchange.ts';
import { errorHeaders, mayPass, withoutAccount } from './foreign-error.ts';
import { outboundCall } from './outbound.ts';
import type { Family } from './parties.ts';
import { RelayBooking } from './relay-booking.ts';
import type { Streams } from './stream.ts';
import type { GatewayDeps } from './types.ts';

/** Pages of the account that are looked through for one page of a key's own, and how long those are after the first. */
const MAX_PAGES = 50;
const PAGE = 100;
const MAX_BYTES = 32 * 1024 * 1024;
/** The parameter that says after what a page begins. */
const CURSORS: Readonly<Record<Family, string>> = { openai: 'after', anthropic: 'after_id' };

/** What the list of a key is made from. */
export interface OwnedListOptions {
  readonly upstream: Upstream;
  readonly streams: Streams;
}

/** A page of a list, as both families write them. */
interface Page {
  readonly data: readonly JsonObject[];
  readonly hasMore: boolean;
  readonly document: JsonObject;
}

/**
 * Answers a list of an account with what the caller's key made of it: the upstream's own page without the rest. Where nothing of a page
 * is the key's own, the next one is asked for, so that clients that stop at an empty page miss nothing; `first_id`, `last_id` and
 * `has_more` are those of what is left. A list of any other shape is 404: nobody knows what it would tell.
 */
export class OwnedList implements Worker {
  readonly #exchange: Exchange;
  readonly #deps: GatewayDeps;
  readonly #options: OwnedListOptions;
  readonly #controller = new AbortController();
  readonly #booking: RelayBooking;

  constructor(exchange: Exchange, deps: GatewayDeps, options: OwnedListOptions) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#options = options;
    const { upstream, streams } = options;
    this.#booking = new RelayBooking({ exchange, deps, streams, target: upstream.target, renames: false });
  }

  /** Sends the request. */
  start(): void {
    this.#exchange.worker = this;
    this.#exchange.sentAt = this.#deps.clock.monotonic();
    this.#options.streams.pending(this.#run());
  }

  onClientGone(): void {
    this.#controller.abort();
    this.#exchange.errorCode = 'ABORTED';
    this.#booking.book({ outcome: 'aborted', error: 'ABORTED', report: null });
    this.#exchange.over();
  }

  async #run(): Promise<void> {
    try {
      await this.#answer();
    } catch (error) {
      if (this.#controller.signal.aborted) return;
      const known = error instanceof SmallfirstError ? error : null;
      this.#booking.book({ outcome: 'failed', error: known?.code ?? 'INTERNAL', report: null });
      answerError(this.#exchange, error);
    }
  }

  async #answer(): Promise<void> {
    const exchange = this.#exchange;
    const walk = new Walk(exchange.query, CURSORS[exchange.route.family]);
    for (let pages = 1; ; pages += 1) {
      const { head, body } = await this.#ask(walk.query);
      if (head.status >= 300) return this.#refuse(head, body);
      const page = readPage(body);
      if (page === null) throw new SmallfirstError('ROUTE_NOT_FOUND', 'This list cannot be told apart by key.');
      const isLast = walk.take(page, (id) => this.#deps.ownership.owns(exchange.caller.key ?? '', id)) || pages === MAX_PAGES;
      if (!isLast) continue;
      exchange.answeredAt = this.#deps.clock.monotonic();
      this.#booking.book({ outcome: 'accepted', error: null, report: null });
      answerJson(exchange, 200, walk.document(page.document), passedHeaders(head, true, describesBody));
      return;
    }
  }

  #refuse(head: AnswerHead, body: Buffer): void {
    const { route, id } = this.#exchange;
    const code = head.status < 500 && head.status !== 429 ? 'UPSTREAM_REJECTED' : 'UPSTREAM_FAILED';
    this.#exchange.errorCode = code;
    this.#booking.book({ outcome: 'failed', error: code, report: null });
    const own = mayPass(head, body) ? jsonOf(withoutAccount(head, body)) : null;
    answerJson(this.#exchange, head.status, own ?? renderForeignError(head.status, route.protocol, id), errorHeaders(head, false));
  }

  #ask(query: string): Promise<{ readonly head: AnswerHead; readonly body: Buffer }> {
    return new Promise((resolve, reject) => {
      const sink = new WholeAnswer((head, body) => {
        this.#booking.head = head;
        resolve({ head, body });
      }, reject);
      const { deadlineAt, clientRetry } = this.#exchange;
      const request: UpstreamRequest = {
        method: 'GET',
        query,
        signal: this.#controller.signal,
        deadlineAt,
        clientRetry,
        write: (target: UpstreamTarget): OutboundCall => outboundCall(this.#exchange, target, false),
      };
      const sending = this.#options.upstream.send(request, sink);
      sink.onTooLong = () => sending.abort();
    });
  }
}

/** One answer, read whole. */
class WholeAnswer implements AnswerSink {
  readonly #done: (head: AnswerHead, body: Buffer) => void;
  readonly #failed: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #head: AnswerHead | null = null;
  onTooLong: () => void = () => {};

  constructor(done: (head: AnswerHead, body: Buffer) => void, failed: (error: Error) => void) {
    this.#done = done;
    this.#failed = failed;
  }

  onHead(head: AnswerHead): void {
    this.#head = head;
  }

  onData(chunk: Buffer): boolean {
    this.#length += chunk.length;
    this.#chunks.push(chunk);
    if (this.#length > MAX_BYTES) {
      this.onTooLong();
      this.#failed(new SmallfirstError('UPSTREAM_INVALID', 'The upstream sent a list that is too long.'));
    }
    return true;
  }

  onEnd(): void {
    if (this.#head !== null) this.#done(this.#head, Buffer.concat(this.#chunks));
  }

  onError(error: Error): void {
    this.#failed(error);
  }
}

/** A walk over the pages of an account, until there is something to show or nothing more. */
class Walk {
  readonly #asked: URLSearchParams;
  readonly #limit: number;
  readonly #cursor: string;
  #own: readonly JsonObject[] = [];
  #hasMore = false;
  query: string;

  /** `cursor`: the parameter that says after what a page begins. */
  constructor(query: string, cursor: string) {
    this.query = query;
    this.#cursor = cursor;
    this.#asked = new URLSearchParams(query);
    const limit = Number(this.#asked.get('limit') ?? '');
    this.#limit = Number.isInteger(limit) && limit > 0 ? limit : Number.POSITIVE_INFINITY;
  }

  /** Takes a page; true when it was the last one. */
  take({ data, hasMore }: Page, isOwn: (id: string) => boolean): boolean {
    const own = data.filter(({ id }) => typeof id === 'string' && isOwn(id));
    this.#own = own.slice(0, this.#limit);
    this.#hasMore = hasMore || own.length > this.#limit;
    const last = data.at(-1)?.id;
    if (own.length > 0 || !hasMore || typeof last !== 'string' || this.#asked.has('before') || this.#asked.has('before_id')) return true;
    const next = new URLSearchParams(this.#asked);
    next.set(this.#cursor, last);
    next.set('limit', String(PAGE));
    this.query = next.toString();
    return false;
  }

  /** The page as its client gets it: `page` with what is the key's own. */
  document(page: JsonObject): JsonObject {
    const { first_id: _first, last_id: _last, ...rest } = page;
    const edges =
      'first_id' in page || 'last_id' in page ? { first_id: this.#own[0]?.id ?? null, last_id: this.#own.at(-1)?.id ?? null } : {};
    return { ...rest, data: this.#own, ...edges, has_more: this.#hasMore };
  }
}

function readPage(body: Buffer): Page | null {
  const document = jsonOf(body);
  if (document === null || !Array.isArray(document.data)) return null;
  const data = document.data as readonly unknown[];
  if (!data.every(isObject)) return null;
  return { data: data as readonly JsonObject[], hasMore: document.has_more === true, document };
}

function jsonOf(body: Buffer): JsonObject | null {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    return isObject(json) ? json : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
