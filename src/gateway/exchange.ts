import type { IncomingMessage } from 'node:http';
import type { TaskConfig } from '../config/index.ts';
import { type Call, type Clock, type EpochMs, inputTotal } from '../core/index.ts';
import type { StepRecord } from '../pipeline/index.ts';
import type { Member } from '../providers/index.ts';
import type { Recorder } from '../run/index.ts';
import { ANYBODY } from './access.ts';
import type { Reading, StreamedBody } from './body.ts';
import type { Booked, Booking } from './booking.ts';
import type { Capture } from './capture.ts';
import type { ClientAnswer } from './client.ts';
import type { WholeRequest } from './front/index.ts';
import type { Afterward } from './live-afterward.ts';
import type { Caller, Observation, Reservation } from './parties.ts';
import type { Route } from './routes.ts';

const NOTHING = Buffer.alloc(0);
const NO_MEMBERS: readonly Member[] = [];

/** Whoever works on an exchange and must know that its client has gone. */
export interface Worker {
  /** The client's connection closed before its answer was complete. Told once. */
  onClientGone(): void;
}

/** Hears of requests, for logs, metrics and traces. Must not throw and must be cheap. */
export interface Observer {
  /** An exchange begins; what is returned stays with it. */
  began(exchange: Exchange): Observation | null;
  /** A row of it was recorded. */
  recorded(exchange: Exchange, call: Call): void;
  /** A step of the pipeline that it runs begins. */
  stepBegan(exchange: Exchange, step: string): void;
  /** A step is over, or was left out because its condition is false. */
  stepOver(exchange: Exchange, step: string, outcome: StepRecord | 'skipped'): void;
  /** An exchange is over, answered or not. */
  ended(exchange: Exchange): void;
  /** Something that an operator should know; holds no key and no prompt. */
  warn(message: string): void;
}

/** What an exchange needs of the gateway. */
export interface ExchangeDeps {
  readonly clock: Clock;
  readonly newId: () => string;
  readonly recorder: Pick<Recorder, 'record'>;
  readonly observer: Observer;
}

/** One client request with its answer: what is known of it, and the one way to record and to end it. */
export class Exchange {
  readonly id: string;
  readonly request: IncomingMessage | WholeRequest;
  readonly response: ClientAnswer;
  readonly route: Route;
  readonly path: string;
  /** Without its question mark; '' for none. */
  readonly query: string;
  readonly at: EpochMs;
  /** Monotonic, in milliseconds. */
  readonly startedAt: number;
  caller: Caller = ANYBODY;
  /** The answer must have begun by then: what the client's SDK says it waits. */
  readonly deadlineAt: EpochMs | null;
  /** The client's SDK tries again: no new demand. */
  readonly clientRetry: boolean;
  /** Told to close its connection after the answer, because the gateway is stopping. */
  closesConnection = false;

  /** The body with its members, once it was read; empty for bodies that are streamed. */
  body: Buffer = NOTHING;
  members: readonly Member[] = NO_MEMBERS;
  /** A body that is not read whole but streamed on; null for none. */
  upload: StreamedBody | null = null;
  /** As the client names it; '' while that is not known. */
  model = '';
  /** The client asked for a stream. */
  isStreamed = false;
  /** What it is an instance of; null while that is not known, and where it is none of the config's. */
  task: TaskConfig | null = null;
  /** The pipeline that it runs; null where it runs none. */
  pipeline: string | null = null;
  /** SHA-256 of its prompt's template; null where it has none. */
  fingerprint: string | null = null;

  /** Set aside by the ledger; null where nothing limits the caller. */
  reservation: Reservation | null = null;
  /** Why its task's ceiling answers although a certificate is in force; null where the ladder's own word stands. */
  decision: string | null = null;
  /** What to do when it is over; null for nothing. */
  afterward: Afterward | null = null;
  /** Keeps its bodies; null where they are not kept. */
  capture: Capture | null = null;
  worker: Worker | null = null;
  /** Its body, while that is being read. */
  reading: Reading | null = null;
  /** Of the rows that were recorded for it, the last one, or the accepted one before it where the rest of its task was asked in vain. */
  lastRow: Call | null = null;
  /** Of all its rows together; the cost is null once one of them is unpriced. */
  inputTokens = 0;
  outputTokens = 0;
  cost: number | null = 0;
  /** What the observer keeps about it. */
  readonly observation: Observation | null;
  /** Monotonic; when the upstream began and ended, for the gateway's own overhead. Null where none was asked. */
  sentAt: number | null = null;
  answeredAt: number | null = null;
  /** Why it was refused or failed; null when it was answered. */
  errorCode: string | null = null;
  #isOver = false;
  readonly #deps: ExchangeDeps;

  constructor(deps: ExchangeDeps, request: IncomingMessage | WholeRequest, response: ClientAnswer, target: Target) {
    this.#deps = deps;
    this.id = deps.newId();
    this.request = request;
    this.response = response;
    this.route = target.route;
    this.path = target.path;
    this.query = target.query;
    this.at = deps.clock.now();
    this.startedAt = deps.clock.monotonic();
    const { headers } = request;
    const timeout = headers['x-stainless-timeout'];
    this.deadlineAt = timeout === undefined ? null : deadline(this.at, timeout);
    const tries = headers['x-stainless-retry-count'];
    this.clientRetry = typeof tries === 'string' && tries !== '0' && /^\d{1,4}$/.test(tries);
    this.observation = deps.observer.began(this);
  }

  /** Books a row with what `capture` has kept, durable when this returns: before the last byte of the answer goes out. */
  record(row: Call, capture: Capture | null = this.capture): void {
    this.#deps.recorder.record([row], capture?.take());
    this.#note(row);
  }

  /** Books a row together with others; `owner` goes on when it is durable. */
  recordSoon(row: Call, booking: Booking, owner: Booked): void {
    this.#note(row);
    booking.add(row, owner, this.capture?.take());
  }

  #note(row: Call): void {
    const last = this.lastRow;
    if (last?.outcome !== 'accepted' || row.outcome === 'accepted' || row.task !== last.task) this.lastRow = row;
    this.inputTokens += inputTotal(row.usage);
    this.outputTokens += row.usage.output;
    this.cost = this.cost === null || row.cost === null ? null : this.cost + row.cost;
    this.reservation?.settle(row);
    this.#deps.observer.recorded(this, row);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Nothing more will be done for it. Must be called once for each exchange, and does nothing later. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.worker = null;
    this.reservation?.release();
    this.#deps.observer.ended(this);
    this.afterward?.over();
  }

  /** The connection has closed: by then the answer was complete, or nobody waits for it any more. */
  closed(): void {
    const { worker } = this;
    if (worker !== null && !this.response.writableFinished) worker.onClientGone();
    else this.over();
  }
}

/** Where a request goes: its route, and its path and query apart. */
export interface Target {
  readonly route: Route;
  readonly path: string;
  readonly query: string;
}

/** `x-stainless-timeout` is in seconds; what is no positive number is no deadline. */
function deadline(now: EpochMs, text: string | string[]): EpochMs | null {
  const seconds = Number(text);
  return Number.isFinite(seconds) && seconds > 0 ? now + seconds * 1000 : null;
}
