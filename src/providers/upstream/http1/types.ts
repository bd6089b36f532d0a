import type { HeaderList } from '../headers.ts';

/** A request whose body is at hand. */
export interface HttpRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Without host, connection and content-length, which are the connection's own. */
  readonly headers: HeaderList;
  readonly body: Buffer | null;
  /** How long the answer may take to begin, and may be silent then. */
  readonly timeoutMs: number;
}

/** A request on its way. */
export interface HttpExchange {
  /** Calls it off; the server sees its connection close. Nothing is told after it. Does nothing once the answer is complete. */
  abort(): void;
  /** Goes on after `onData` returned false. */
  resume(): void;
}

/** What hears of an answer: one head, data, then exactly one of complete and error; or an error alone. */
export interface HttpHandler {
  /** Name, value, name, value; names in lower case. */
  onHead(status: number, headers: readonly string[]): void;
  /** False holds the server back until `resume`. The bytes are the handler's own. */
  onData(bytes: Buffer): boolean;
  onComplete(): void;
  onError(error: Error): void;
}

/** Sends requests to one origin. */
export interface HttpSender {
  /** Never throws, and tells nothing before it has returned. */
  send(request: HttpRequest, handler: HttpHandler): HttpExchange;
}
