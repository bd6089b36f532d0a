import type { IncomingHttpHeaders } from 'node:http';

/** A parsed request body. Members are read where they are needed; nothing is validated beyond that. */
export type Body = Readonly<Record<string, unknown>>;

/** What an upstream would answer when nothing goes wrong. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A plain body, one that is sent as it stands though it is no JSON, or the frames of a stream in order. */
  readonly body: { readonly json: unknown } | { readonly text: string } | { readonly frames: readonly string[] };
}

/** One request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query as they stood on the request line. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Header names and values as they stood on the wire, in order. */
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;
  /** The body parsed, null when it is not a JSON object. */
  readonly json: Body | null;
  /** Settles when the exchange is over: `done` when the answer was sent whole, `gone` when the caller went away before. */
  readonly over: Promise<'done' | 'gone'>;
}

/** Something that goes wrong, or is odd. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: string }
  /** The connection is reset before any byte of an answer. */
  | { readonly kind: 'reset' }
  /** No byte ever comes. */
  | { readonly kind: 'silent' }
  /** The head and half of the body come, then nothing. */
  | { readonly kind: 'stall' }
  /** The head and half of the body come, then the connection is reset. */
  | { readonly kind: 'cut' }
  /** The head and half of a stream's frames come, then the stream ends as if that were all. */
  | { readonly kind: 'early-end' }
  /** One frame in the middle is no JSON. */
  | { readonly kind: 'malformed' }
  /** A frame from the middle of a stream is sent again and again, until the caller goes away. */
  | { readonly kind: 'endless' }
  | { readonly kind: 'slow-first-byte'; readonly ms: number }
  /** Every byte is a write of its own. */
  | { readonly kind: 'byte-by-byte' }
  /** The body is compressed, whatever was asked for. */
  | { readonly kind: 'gzip' }
  /** The reply is changed by a function: usage removed, numbers that cannot be. */
  | { readonly kind: 'rewrite'; readonly rewrite: (reply: Reply, request: SeenRequest) => Reply };
