import type { Call, ErrorCode, Outcome, StopReason, Usage } from '../core/index.ts';
import type { AnswerHead, TapReport, UpstreamTarget } from '../providers/index.ts';
import { completedUsage, countUsage, isPlausible } from './counting.ts';
import type { Exchange } from './exchange.ts';
import { isRecorded, relayedRow } from './rows.ts';
import type { Streams } from './stream.ts';
import type { GatewayDeps } from './types.ts';

/** What the row of a relayed call is made from beside its answer. */
export interface RelayBookingSetting {
  readonly exchange: Exchange;
  readonly deps: GatewayDeps;
  readonly streams: Streams;
  /** Who is asked; who answered stands in the head. */
  readonly target: UpstreamTarget;
  /** See `RelayOptions`. */
  readonly renames: boolean;
}

/** How a relayed answer ended. */
export interface RelayEnd {
  readonly outcome: Extract<Outcome, 'accepted' | 'failed' | 'aborted'>;
  readonly error: ErrorCode | null;
  /** What the answer said about itself; null where nothing of it was read. */
  readonly report: TapReport | null;
  /** Our own count, where the answer's cannot be trusted. */
  readonly counted?: Usage;
}

/** The one row of a relayed call. */
export class RelayBooking {
  readonly #setting: RelayBookingSetting;
  #isMade = false;
  head: AnswerHead | null = null;
  isStream = false;
  firstByteAt: number | null = null;
  /** The text of the answer as far as it came. */
  written = '';

  constructor(setting: RelayBookingSetting) {
    this.#setting = setting;
  }

  /** There is a row. */
  get isMade(): boolean {
    return this.#isMade;
  }

  /** The row; null where there is one already, or the request is no call. */
  row(end: RelayEnd): Call | null {
    const { exchange, deps, target, renames } = this.#setting;
    if (this.#isMade || !isRecorded(exchange)) return null;
    this.#isMade = true;
    const { head } = this;
    const { outcome, error, report, counted } = this.#checked(end);
    // An upstream's refusal may name accounts and keys, and what is compressed is no text.
    if (head !== null && head.status < 400 && head.contentEncoding === null)
      exchange.capture?.answeredBytes(exchange.id, this.isStream ? this.written : null);
    const broken = outcome === 'aborted' || (this.isStream && error !== null);
    const stop: StopReason | null = broken ? 'cut' : (report?.stop ?? null);
    const row = relayedRow(exchange, deps, this.head?.target ?? target, renames, {
      outcome,
      error,
      report,
      counted: counted ?? null,
      stop,
      firstByteAt: this.firstByteAt,
      attempts: this.head?.attempts ?? 1,
    });
    if (exchange.task !== null) deps.steps.policies.observe(row.model, row.servedModel);
    if (head?.contentEncoding === null) exchange.afterward?.relayed(row, this.isStream);
    return row;
  }

  /**
   * What passed as an answer, but is none: it says that it failed, or cannot be read as what was asked for. Its bytes are the client's,
   * who will not read them either.
   */
  #checked(end: RelayEnd): RelayEnd {
    const { exchange } = this.#setting;
    const { report } = end;
    if (end.outcome !== 'accepted') return end;
    const isRedirect = this.head !== null && this.head.status >= 300;
    if (!isRedirect && (report === null || (report.legible && report.failure === null))) return end;
    const code = report !== null && report.failure === null ? 'UPSTREAM_INVALID' : 'UPSTREAM_FAILED';
    exchange.errorCode = code;
    return { ...end, outcome: 'failed', error: code };
  }

  /** Books the row, durable when this returns. */
  book(end: RelayEnd): void {
    const row = this.row(end);
    if (row !== null) this.#setting.exchange.record(row);
  }

  /** The row of an answer whose status says that there is none; null as for `row`. */
  refusalRow(status: number): Call | null {
    const code = status < 500 && status !== 429 && status !== 408 && status !== 409 ? 'UPSTREAM_REJECTED' : 'UPSTREAM_FAILED';
    this.#setting.exchange.errorCode = code;
    return this.row({ outcome: 'failed', error: code, report: null });
  }

  /** Books a stream that ended as its protocol ends one; an error inside it is an answer too, but a failed one. */
  bookStream(report: TapReport | null, counted?: Usage): void {
    const own = counted === undefined ? {} : { counted };
    if (report === null || report.failure === null) this.book({ outcome: 'accepted', error: null, report, ...own });
    else {
      this.#setting.exchange.errorCode = 'UPSTREAM_FAILED';
      this.book({ outcome: 'failed', error: 'UPSTREAM_FAILED', report, ...own });
    }
  }

  /**
   * Whether a complete answer must be counted, for no call is booked as if it were nothing: it does not say what it used, says what
   * cannot be, or could not be read because it was compressed.
   */
  mustCount(report: TapReport | null): boolean {
    const { exchange } = this.#setting;
    if (this.#isMade || !isRecorded(exchange)) return false;
    if (report !== null) return !isPlausible(report.usage, this.written);
    return exchange.route.tap !== null && this.head !== null && this.head.status < 300;
  }

  /** Counts the request and what of the answer came, and goes on with the better of these and the upstream's own counts. */
  count(report: TapReport | null, then: (counted: Usage) => void): void {
    const { exchange, deps, streams } = this.#setting;
    streams.pending(
      deps
        .countTokens()
        .then((countTokens) => then(completedUsage(report?.usage ?? null, countUsage(exchange, this.written, countTokens)))),
    );
  }

  /** Books an answer that broke off: what its upstream said until then, and at least the tokens that were sent. */
  bookBroken(end: RelayEnd): void {
    const { exchange } = this.#setting;
    const finish = (counted?: Usage): void => {
      this.book(counted === undefined ? end : { ...end, counted });
      if (end.outcome === 'aborted') exchange.over();
    };
    // What names no model holds no prompt to count.
    const isKnown = exchange.route.tap === null || (end.report?.usage != null && this.written === '');
    if (isKnown || this.#isMade || !isRecorded(exchange)) finish();
    else this.count(end.report, finish);
  }
}
