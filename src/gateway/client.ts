import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

/** What a client says before the body of its request: node:http's requests have such a head, and those of our own front. */
export interface ClientHead {
  readonly method?: string | undefined;
  /** Path and query. */
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** By name, in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value; as they were written. */
  readonly rawHeaders: readonly string[];
  readonly socket: Pick<Socket, 'remoteAddress'>;
}

/** What of an answer to a client is used: node:http's ServerResponse, and the answers of our own front. */
export interface ClientAnswer {
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  /** Everything has been handed to the system. */
  readonly writableFinished: boolean;
  readonly writableNeedDrain: boolean;
  readonly destroyed: boolean;
  readonly socket: Pick<Socket, 'destroySoon'> | null;
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** False when the client reads slower than this: `drain` tells when it has caught up. */
  write(bytes: Buffer): boolean;
  end(body?: Buffer): unknown;
  end(body: string, encoding: 'latin1'): unknown;
  destroy(): unknown;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}
