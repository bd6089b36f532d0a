import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import { Connection, type ConnectionOwner, SentRequest } from './connection.ts';
import { ConnectionLost } from './errors.ts';
import type { HttpExchange, HttpHandler, HttpRequest, HttpSender } from './types.ts';

const SWEEP_MS = 1_000;

/** What a pool needs. */
export interface PoolOptions {
  /** Makes sockets with `sharedRead`. */
  readonly connect: buildConnector.connector;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
}

/**
 * Connections to one origin: as many as there are requests at once, each used again while its server keeps it open. The one that was
 * used last is used first, so that those which are not needed run out.
 */
export class ConnectionPool implements HttpSender, ConnectionOwner {
  readonly #options: PoolOptions;
  readonly #origin: URL;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #connecting = new Set<SentRequest>();
  #sweeper: NodeJS.Timeout | null = null;
  #shortestMs = Number.POSITIVE_INFINITY;
  #isClosing = false;
  #onEmpty: (() => void) | null = null;

  constructor(origin: string, options: PoolOptions) {
    this.#origin = new URL(origin);
    this.#options = options;
  }

  send(request: HttpRequest, handler: HttpHandler): HttpExchange {
    const sent = new SentRequest(request, handler);
    if (this.#isClosing) {
      process.nextTick(() => sent.failed(new ConnectionLost('SMALLFIRST_DESTROYED', 'the connections are closed')));
      return sent;
    }
    this.#keepSweeping(request.timeoutMs);
    const connection = this.#takeIdle();
    if (connection === null) this.#connect(sent);
    else sent.goesOn(connection);
    return sent;
  }

  now(): number {
    return this.#options.now();
  }

  onFree(connection: Connection): void {
    if (this.#isClosing) {
      connection.destroy();
      return;
    }
    this.#idle.push(connection);
  }

  onGone(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#emptied();
  }

  /** Waits for the requests under way, then closes every connection. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const connection of [...this.#idle]) connection.destroy();
    if (this.#open.size > 0 || this.#connecting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    this.#stopSweeping();
  }

  /** Closes every connection at once; what is under way fails. */
  async destroy(): Promise<void> {
    this.#isClosing = true;
    const error = new ConnectionLost('SMALLFIRST_DESTROYED', 'the connections are closed');
    for (const sent of this.#connecting) sent.failed(error);
    for (const connection of [...this.#open]) connection.destroy();
    this.#stopSweeping();
  }

  #takeIdle(): Connection | null {
    const now = this.#options.now();
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return null;
      if (connection.isUsable(now)) return connection;
      connection.destroy();
    }
  }

  #connect(sent: SentRequest): void {
    const { hostname, host, protocol, port } = this.#origin;
    this.#connecting.add(sent);
    this.#options.connect({ hostname, host, protocol, port }, (error, socket) => {
      this.#connecting.delete(sent);
      if (error !== null || socket === null) {
        sent.failed(error ?? new ConnectionLost('ECONNRESET', 'there is no connection'));
        this.#emptied();
        return;
      }
      const connection = new Connection(this, socket as Socket, host);
      this.#open.add(connection);
      // Called off while it connected, or told that everything ends.
      if (sent.isOver) connection.destroy();
      else sent.goesOn(connection);
    });
  }

  #keepSweeping(timeoutMs: number): void {
    if (this.#sweeper !== null && timeoutMs >= this.#shortestMs) return;
    this.#shortestMs = Math.min(this.#shortestMs, timeoutMs);
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    this.#sweeper = setInterval(() => this.#sweep(), Math.max(10, Math.min(SWEEP_MS, this.#shortestMs / 4)));
    this.#sweeper.unref();
  }

  #sweep(): void {
    const now = this.#options.now();
    for (const connection of this.#open) connection.sweep(now);
    // The oldest stand first.
    while (this.#idle[0]?.isUsable(now) === false) this.#idle[0].destroy();
    if (this.#open.size === 0 && this.#connecting.size === 0) this.#stopSweeping();
  }

  #stopSweeping(): void {
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    this.#sweeper = null;
    this.#shortestMs = Number.POSITIVE_INFINITY;
  }

  #emptied(): void {
    if (this.#open.size === 0 && this.#connecting.size === 0) this.#onEmpty?.();
  }
}
