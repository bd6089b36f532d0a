import type { Server } from 'node:http';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { readInto, sharedRead } from '../../providers/index.ts';
import type { Answer } from './answer.ts';
import { type ConnectionOwner, FrontConnection } from './connection.ts';
import type { RequestHead } from './request-head.ts';
import { UnreadWatch } from './unread-watch.ts';
import type { WholeRequest } from './whole-request.ts';

/** What a front needs. */
export interface FrontOptions<T extends object> {
  readonly keepAliveMs: number;
  /** How long a client may take nothing of what waits for it before its connection ends. */
  readonly sendTimeoutMs: number;
  readonly maxConnections: number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  /** Where a request goes; null where it is not one of those that are read whole, and so is node:http's. */
  readonly targetOf: (head: RequestHead) => T | null;
  readonly onRequest: (request: WholeRequest, answer: Answer, target: T) => void;
}

type ConnectionListener = (this: Server, socket: Socket) => void;

/** What net.Socket does not say in its types: the system's side of a connection, which its last owner may give to another socket. */
interface Handled {
  _handle?: object | null;
}

/**
 * Reads requests to models in the place of node:http, whose general way of reading costs more than everything else that is done for them.
 * It reads what is plain, in one strict way, and hands every connection on which something else comes over to node:http for good, with
 * all bytes that it has not answered: so what is unusual or wrong is treated as node:http treats it.
 */
export class Front<T extends object> implements ConnectionOwner<T> {
  readonly keepAliveMs: number;
  readonly #options: FrontOptions<T>;
  readonly #server: Server;
  readonly #http: readonly ConnectionListener[];
  readonly #open = new Set<FrontConnection<T>>();
  /** Sockets that node:http has. */
  readonly #handedOver = new Set<Socket>();
  readonly #unread: UnreadWatch;

  /** Takes the connections of a server that node:http made. */
  constructor(server: Server, options: FrontOptions<T>) {
    this.#options = options;
    this.keepAliveMs = options.keepAliveMs;
    this.#unread = new UnreadWatch(options.sendTimeoutMs);
    this.#server = server;
    this.#http = server.listeners('connection') as ConnectionListener[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => this.#accept(socket));
  }

  targetOf(head: RequestHead): T | null {
    return this.#options.targetOf(head);
  }

  onRequest(request: WholeRequest, answer: Answer, target: T): void {
    this.#options.onRequest(request, answer, target);
  }

  now(): number {
    return this.#options.now();
  }

  handOver(connection: FrontConnection<T>, unread: Buffer): void {
    const { socket } = connection;
    this.#open.delete(connection);
    socket.removeAllListeners();
    readInto(socket, (bytes) => socket.push(Buffer.from(bytes)));
    // A stream that has told its end takes nothing more: then what came before is told by hand.
    if (!socket.readableEnded) socket.unshift(unread);
    this.#giveToHttp(socket);
    if (socket.readableEnded) {
      socket.emit('data', unread);
      socket.emit('end');
    }
  }

  /** Gives up what is idle for too long, or slow, and whose client takes nothing. */
  sweep(): void {
    const now = this.now();
    for (const connection of this.#open) {
      connection.sweep(now);
      this.#unread.look(connection.socket, now);
    }
    for (const socket of this.#handedOver) this.#unread.look(socket, now);
  }

  /** Ends connections as they become idle. What has begun to come in on them is node:http's within this turn of the event loop. */
  finish(): void {
    for (const connection of this.#open) connection.finish();
  }

  /** Ends every connection at once. */
  destroy(): void {
    for (const { socket } of this.#open) socket.destroy();
    for (const socket of this.#handedOver) socket.destroy();
  }

  #accept(accepted: Socket): void {
    if (this.#open.size + this.#handedOver.size >= this.#options.maxConnections) {
      accepted.destroy();
      return;
    }
    const socket = withSharedRead(accepted);
    if (socket === null) {
      this.#giveToHttp(accepted);
      return;
    }
    const connection = new FrontConnection(this, socket);
    this.#open.add(connection);
    readInto(socket, (bytes) => connection.read(bytes));
    socket.on('end', () => connection.ended());
    socket.on('drain', () => connection.drained());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#open.delete(connection);
      connection.closed();
    });
  }

  #giveToHttp(socket: Socket): void {
    this.#handedOver.add(socket);
    socket.once('close', () => this.#handedOver.delete(socket));
    for (const listener of this.#http) listener.call(this.#server, socket);
  }
}

/**
 * The connection of an accepted socket as one that reads into the buffer that all share. Node gives that way of reading to sockets that
 * connect (`onread`), and not to those that it accepts; but a socket can be made over the handle of another. Null where Node does not
 * have it any more: the gateway then works over node:http alone.
 */
function withSharedRead(accepted: Socket): Socket | null {
  const handle = (accepted as Handled)._handle;
  if (handle === undefined || handle === null) return null;
  const options = { handle, onread: sharedRead, allowHalfOpen: true, readable: true, writable: true };
  const socket = new Socket(options as SocketConstructorOpts);
  if ((socket as Handled)._handle !== handle) return null;
  (accepted as Handled)._handle = null;
  accepted.destroy();
  return socket;
}
