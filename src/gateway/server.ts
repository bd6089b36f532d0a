import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SmallfirstError } from '../core/index.ts';
import { isSafePath } from '../providers/index.ts';
import { checkHost } from './access.ts';
import { answerError, answerJson } from './answer.ts';
import { checkAnnounced, hasBody, isBinary, Reading, streamedBody } from './body.ts';
import { Booking } from './booking.ts';
import { captureOf } from './capture.ts';
import { Cascade } from './cascade.ts';
import type { ClientAnswer, ClientHead } from './client.ts';
import { answerCount } from './count-tokens.ts';
import { plan, readCall } from './dispatch.ts';
import { endpointUpstream } from './endpoint-upstream.ts';
import { Exchange, type Target } from './exchange.ts';
import { takeFeedback } from './feedback.ts';
import { type Answer, Front, type RequestHead, type WholeRequest } from './front/index.ts';
import { hasModels, isModelElsewhere, listModels, showModel } from './models-endpoint.ts';
import { describeFailure } from './observe/redact.ts';
import { OwnedList } from './owned-list.ts';
import { namesPipeline, readAliasedRun, readRun } from './pipeline-request.ts';
import { startRun } from './pipeline-start.ts';
import { answerPipelines } from './pipelines-endpoint.ts';
import { Relay } from './relay.ts';
import { type RouteKind, routeOf, usualPath } from './routes.ts';
import { Slots } from './slots.ts';
import { Streams } from './stream.ts';
import type { GatewayDeps } from './types.ts';

const HEADERS_TIMEOUT_MS = 30_000;
const MAX_HEADER_BYTES = 64 * 1024;
/** Longer than load balancers and SDKs keep theirs, so that it is not us who close a connection that is about to be used. */
const KEEP_ALIVE_MS = 75_000;
const SWEEP_MS = 1_000;

/** Routes whose bodies are read before anything is done. */
const WHOLE: ReadonlySet<RouteKind> = new Set<RouteKind>(['call', 'count', 'feedback', 'pipeline']);

/** Methods that go on. A trace would tell the client the key that its request was sent on with. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

/** A gateway that listens. */
export interface Gateway {
  /** Where it is reached, as `http://HOST:PORT`. */
  readonly url: string;
  /** Requests under way. */
  readonly active: number;
  /**
   * Takes no new connections, lets requests under way end, cuts off those that take longer than `drainMs`, and resolves when the last
   * row is recorded.
   */
  close(): Promise<void>;
}

/** Starts a gateway. Rejects with USAGE when it cannot listen there. */
export async function openGateway(deps: GatewayDeps, host: string, port: number): Promise<Gateway> {
  const gateway = new HttpGateway(deps);
  await gateway.listen(host, port);
  return gateway;
}

class HttpGateway implements Gateway {
  readonly #deps: GatewayDeps;
  readonly #server: Server;
  readonly #front: Front<Target>;
  readonly #streams: Streams;
  readonly #booking: Booking;
  readonly #active = new Slots<Exchange>();
  readonly #timer: NodeJS.Timeout;
  #isDraining = false;
  #onIdle: (() => void) | null = null;
  url = '';

  constructor(deps: GatewayDeps) {
    this.#deps = deps;
    this.#booking = new Booking(deps.recorder);
    this.#streams = new Streams((message) => deps.observer.warn(message));
    this.#server = createServer(
      {
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEADERS_TIMEOUT_MS,
        // Bodies have a deadline of their own, by route: see Bodies.
        requestTimeout: 0,
        connectionsCheckingInterval: 5_000,
        maxHeaderSize: MAX_HEADER_BYTES,
        noDelay: true,
        // Its absence is refused by checkHost, in words.
        requireHostHeader: false,
      },
      (request, response) => this.#handle(request, response, false),
    );
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => this.#handle(request, response, true));
    // Nothing else that a client may expect is a reason to refuse it.
    this.#server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => this.#handle(request, response, false));
    this.#server.on('clientError', refuseBrokenRequest);
    this.#front = new Front(this.#server, {
      keepAliveMs: KEEP_ALIVE_MS,
      sendTimeoutMs: deps.settings.sendTimeoutMs,
      maxConnections: deps.settings.maxConnections,
      now: () => deps.clock.monotonic(),
      targetOf: wholeTarget,
      onRequest: (request, answer, target: Target) => this.#handleWhole(request, answer, target),
    });
    this.#timer = setInterval(() => this.#sweep(), Math.min(SWEEP_MS, deps.settings.pingMs / 2));
    this.#timer.unref();
  }

  get active(): number {
    return this.#active.size;
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => {
        reject(new SmallfirstError('USAGE', `Cannot listen on ${host}:${port}: ${cause.message}.`, { cause }));
      });
      this.#server.listen({ host, port, backlog: 4096 }, () => {
        const { port: actual } = this.#server.address() as AddressInfo;
        this.url = `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#active.each((exchange) => {
      exchange.closesConnection = true;
    });
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#front.finish();
    await nextTurn();
    await this.#idle();
    this.#front.destroy();
    this.#server.closeAllConnections();
    await closed;
    clearInterval(this.#timer);
    await this.#streams.settled();
  }

  /** Resolves when nothing is under way, or the time for it is over. */
  #idle(): Promise<void> {
    if (this.#active.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#deps.settings.drainMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #sweep(): void {
    const now = this.#deps.clock.monotonic();
    this.#active.each((exchange) => (exchange.reading ?? exchange.upload)?.sweep(now));
    this.#streams.sweep(now, this.#deps.settings.pingMs);
    this.#front.sweep();
  }

  #handle(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    const exchange = this.#open(request, response, targetOf(request));
    this.#guarded(exchange, () => this.#begin(exchange, { request, response, awaitsContinue }));
  }

  /** A request that came in whole, body and all. */
  #handleWhole(request: WholeRequest, answer: Answer, target: Target): void {
    const exchange = this.#open(request, answer, target);
    this.#guarded(exchange, () => {
      exchange.caller = this.#deps.access.check(request);
      checkAnnounced(request, target.route.bodyLimit);
      this.#readWhole(exchange, request.body);
      this.#dispatch(exchange);
    });
  }

  #open(request: IncomingMessage | WholeRequest, response: ClientAnswer, target: Target): Exchange {
    const exchange = new Exchange(this.#deps, request, response, target);
    exchange.closesConnection = this.#isDraining;
    const slot = this.#active.add(exchange);
    response.on('close', () => {
      this.#active.free(slot);
      exchange.closed();
      if (this.#active.size === 0) this.#onIdle?.();
    });
    return exchange;
  }

  /** The one place where errors are caught: whatever goes wrong ends in an answer, in the caller's envelope. */
  #guarded(exchange: Exchange, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#refused(exchange, error);
    }
  }

  #refused(exchange: Exchange, error: unknown): void {
    if (!(error instanceof SmallfirstError)) this.#deps.observer.warn(`a request failed: ${describeFailure(error)}`);
    answerError(exchange, error);
  }

  #begin(exchange: Exchange, arrival: Arrival): void {
    const { route } = exchange;
    const { request, response, awaitsContinue } = arrival;
    checkHost(request);
    if (route.kind === 'health') {
      answerJson(exchange, 200, { status: 'ok' });
      return;
    }
    if (route.kind === 'ready') {
      answerJson(exchange, this.#isDraining ? 503 : 200, { status: this.#isDraining ? 'stopping' : 'ready' });
      return;
    }
    if (route.kind === 'metrics' || route.kind === 'admin') {
      if (awaitsContinue) response.writeContinue();
      this.#operator(exchange, arrival);
      return;
    }
    exchange.caller = this.#deps.access.check(request);
    checkAnnounced(request, route.bodyLimit);
    switch (route.kind) {
      case 'none':
        throw notServed(exchange);
      case 'list-pipelines':
        answerPipelines(exchange, this.#deps.pipelines);
        return;
      case 'list-models':
        if (hasModels(this.#deps)) listModels(exchange, this.#deps);
        else this.#endpoint(exchange, request);
        return;
      case 'show-model':
        if (isModelElsewhere(exchange, this.#deps)) this.#endpoint(exchange, request);
        else showModel(exchange, this.#deps);
        return;
      case 'endpoint':
        if (awaitsContinue) response.writeContinue();
        this.#endpoint(exchange, request);
        return;
      default:
        if (awaitsContinue) response.writeContinue();
        this.#read(exchange, request, () => this.#dispatch(exchange));
    }
  }

  #operator(exchange: Exchange, { request, response }: Arrival): void {
    const { operator } = this.#deps;
    const done =
      exchange.route.kind === 'admin'
        ? operator.admin(request, response)
        : operator.metrics(request).then(({ type, text }) => {
            response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
          });
    done.catch((error: unknown) => this.#refused(exchange, error));
  }

  #readWhole(exchange: Exchange, body: Buffer): void {
    exchange.body = body;
    this.#deps.ownership.checkBody(exchange, body);
  }

  #read(exchange: Exchange, request: IncomingMessage, next: () => void): void {
    const onBody = (error: SmallfirstError | null, body: Buffer): void => {
      exchange.reading = null;
      if (exchange.response.destroyed) return;
      this.#guarded(exchange, () => {
        if (error !== null) throw error;
        this.#readWhole(exchange, body);
        next();
      });
    };
    const reading = new Reading({ onBody }, exchange.route.bodyLimit, exchange.startedAt);
    reading.from(request);
    exchange.reading = reading;
  }

  #dispatch(exchange: Exchange): void {
    if (exchange.route.kind === 'feedback') {
      takeFeedback(exchange, this.#deps);
      return;
    }
    const { pipelines } = this.#deps;
    if (exchange.route.kind === 'pipeline') {
      startRun(exchange, readRun(exchange, pipelines), { gateway: this.#deps, streams: this.#streams });
      return;
    }
    readCall(exchange);
    if (namesPipeline(exchange)) {
      startRun(exchange, readAliasedRun(exchange, pipelines), { gateway: this.#deps, streams: this.#streams });
      return;
    }
    const next = plan(exchange, this.#deps);
    exchange.reservation = this.#deps.ledger.reserve(exchange);
    if (exchange.route.kind === 'call') exchange.capture = captureOf(exchange, this.#deps.capture);
    switch (next.do) {
      case 'relay':
        new Relay(exchange, this.#deps, {
          upstream: next.upstream,
          renames: next.renames,
          streams: this.#streams,
          booking: this.#booking,
        }).start();
        return;
      case 'count':
        this.#streams.pending(answerCount(exchange, this.#deps, next.client));
        return;
      case 'step':
        new Cascade(exchange, { gateway: this.#deps, streams: this.#streams }, next.plan).start();
    }
  }

  /** Everything that names no model of ours: its body is streamed on as it comes. */
  #endpoint(exchange: Exchange, request: IncomingMessage): void {
    const { route, caller } = exchange;
    if (!caller.mayPassThrough || !isSafePath(exchange.path) || !METHODS.has(request.method ?? '')) throw notServed(exchange);
    if (/\bwebsocket\b/i.test(request.headers.upgrade ?? '')) {
      throw new SmallfirstError('NOT_SUPPORTED', 'WebSocket connections are not passed on; use the endpoints over HTTP.');
    }
    const claim = this.#deps.ownership.claimOf(exchange);
    const upstream = endpointUpstream(this.#deps.directory, route.family, claim.upstream);
    if (upstream === null) throw notServed(exchange);
    this.#deps.ledger.checkEndpoint(exchange, upstream.target.provider);
    if (claim.isList) {
      request.resume();
      new OwnedList(exchange, this.#deps, { upstream, streams: this.#streams }).start();
      return;
    }
    const relay = new Relay(exchange, this.#deps, {
      upstream,
      renames: false,
      streams: this.#streams,
      booking: this.#booking,
    });
    if (!hasBody(request)) {
      request.resume();
      relay.start();
    } else if (caller.key !== null && !isBinary(request.headers['content-type'])) {
      // It may refer to what another key made, so it is read before it goes on.
      this.#read(exchange, request, () => relay.start());
    } else {
      exchange.upload = streamedBody(request, route.bodyLimit, exchange.startedAt);
      relay.start();
    }
  }
}

/** A request as node:http tells of it. */
interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for a word before it sends its body. */
  readonly awaitsContinue: boolean;
}

/** What is read whole, for our own front; null for everything else. */
function wholeTarget(head: RequestHead): Target | null {
  const target = targetOf({ method: 'POST', url: head.url, headers: head.headers });
  return WHOLE.has(target.route.kind) ? target : null;
}

function notServed(exchange: Exchange): SmallfirstError {
  return new SmallfirstError('ROUTE_NOT_FOUND', `Nothing is served at ${exchange.request.method ?? 'GET'} ${exchange.path.slice(0, 200)}.`);
}

/** The route, path and query of a request. */
function targetOf(request: Pick<ClientHead, 'url' | 'method' | 'headers'>): Target {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  const query = mark === -1 ? '' : url.slice(mark + 1);
  const method = request.method ?? 'GET';
  const isAnthropic = request.headers['anthropic-version'] !== undefined;
  const route = routeOf(method, path, isAnthropic);
  if (route.kind !== 'none' && route.kind !== 'endpoint') return { route, path, query };
  const usual = usualPath(path);
  return usual === path ? { route, path, query } : { route: routeOf(method, usual, isAnthropic), path: usual, query };
}

/** What could not be read as HTTP gets an answer that any client understands, where that is still possible. */
function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  const body = JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message: 'The request is not valid HTTP.' } });
  socket.end(`HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
}
