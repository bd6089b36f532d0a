import type { Readable } from 'node:stream';
import { type EpochMs, type ErrorCode, SmallfirstError } from '../../core/index.ts';
import type { Protocol, Quirks, WireError } from '../codecs/types.ts';
import type { BreakerOptions } from './breaker.ts';
import type { HeaderList } from './headers.ts';
import type { PooledKey } from './key-pool.ts';
import type { BackoffOptions } from './retry-rules.ts';

/** A LoRA adapter over a model that a server holds. */
export interface LoraSettings {
  /** As the server has it; a file here where it is sent there. */
  readonly path: string;
  readonly scale: number;
  /** What the server calls the model with the adapter over it, where it calls it by a name of its own. */
  readonly name: string;
}

/** How one model is reached: the part of its configuration that upstreams read. */
export interface UpstreamSettings {
  /** Name in the registry. */
  readonly name: string;
  readonly provider: string;
  /** The name on the wire. */
  readonly model: string;
  /** Null for the vendor's own. */
  readonly url: string | null;
  /** None: the vendor's customary environment variable where the URL is its own; else requests go without. */
  readonly keys: readonly PooledKey[];
  /** Without a key of its own: the client's credential goes on, as it came, to this one URL. */
  readonly forwardCredential?: boolean;
  /** Protocols that it takes as they are, where that differs from its vendor's row. */
  readonly protocols?: readonly [Protocol, ...Protocol[]];
  /** Further tries of a failed request. Default 2. */
  readonly retries?: number;
  /** False switches the circuit breaker off. */
  readonly breaker?: boolean;
  /** Requests at once; null (default) for no limit. */
  readonly concurrency?: number | null;
  /** Requests in line for a slot. Default: as many as may run at once. */
  readonly queue?: number;
  /** How long to wait for the first byte, and between bytes. Default 15 minutes, above every SDK's own. */
  readonly timeoutMs?: number;
  /** Ask a second time when the first byte takes longer than this; whoever answers first wins. Null (default): never. */
  readonly hedgeMs?: number | null;
  /** Models to turn to before the first byte, in order: the same model at other providers. */
  readonly fallbacks?: readonly string[];
  /** LoRA adapters over the model; brought about before its first request. */
  readonly lora?: readonly LoraSettings[];
}

/** Where a request is about to go. */
export interface UpstreamTarget {
  readonly name: string;
  readonly provider: string;
  readonly model: string;
  readonly protocols: readonly [Protocol, ...Protocol[]];
  readonly quirks: Quirks;
  /** It is called with a key of ours: what it says about its account is not for clients. */
  readonly hasOwnKey: boolean;
}

/** A request as one target gets it. */
export interface OutboundCall {
  /** As a client calls it (`/v1/chat/completions`) or as an SDK appends it (`/chat/completions`). */
  readonly path: string;
  /** The client's headers; what may go on is chosen from them. */
  readonly headers: HeaderList;
  /** A stream can be sent once: such a request is never tried again. */
  readonly body: Buffer | Readable | null;
  /** How long a stream is; null where nobody knows, and for buffers, which say it themselves. */
  readonly length?: number | null;
}

/** One request, to be sent to whichever target it is. */
export interface UpstreamRequest {
  readonly method: string;
  /** The client's query without question mark, '' for none. */
  readonly query: string;
  /** Aborts at every stage. Callers that hold the exchange use its `abort` instead, which is cheaper. */
  readonly signal: AbortSignal | null;
  /** The answer must have begun by then. */
  readonly deadlineAt: EpochMs | null;
  /** The client's SDK is trying again (`x-stainless-retry-count` above 0): no new demand, and not multiplied by tries of ours. */
  readonly clientRetry: boolean;
  /** The request for a target; null when it cannot be served there (its protocol is another), which skips the target. */
  write(target: UpstreamTarget): OutboundCall | null;
}

/** The beginning of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** What goes on to the client: no hop-by-hop headers, no cookies. `content-length` is among them where there is one. */
  readonly headers: string[];
  readonly contentType: string | null;
  /** How the body is compressed although identity was asked for; null when it is not. */
  readonly contentEncoding: string | null;
  /** How long a failed answer asks to wait; null for others, and where it does not say. */
  readonly retryAfterMs: number | null;
  readonly target: UpstreamTarget;
  /** Requests that were made in all, this one included. */
  readonly attempts: number;
}

/** What an exchange tells: one head, data, then exactly one of end and error; or an error alone. Nothing after an abort by its owner. */
export interface AnswerSink {
  onHead(head: AnswerHead): void;
  /** False holds the upstream back until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(): void;
  /** After a head: the answer was cut, and must look cut. */
  onError(error: UpstreamError): void;
}

/** A failure that an exchange tells. Its message is safe to show: it holds no key, no URL and no words of the upstream. */
export class UpstreamError extends SmallfirstError {
  /** How long the client should wait before it tries again; null when that is not known. */
  readonly retryAfterMs: number | null;
  /** What the upstream itself answered; null where it gave no answer. Only what is about the request holds words of the upstream. */
  readonly told: WireError | null;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryAfterMs?: number; told?: WireError } = {}) {
    super(code, message, options);
    this.name = 'UpstreamError';
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.told = options.told ?? null;
  }
}

/** A request on its way. */
export interface Exchange {
  /** Calls everything off, also upstream. Nothing is told after it. */
  abort(): void;
  /** Goes on after `onData` returned false. */
  resume(): void;
}

/** One attempt that was made, for metrics. */
export interface AttemptReport {
  readonly target: UpstreamTarget;
  /** Null when no answer began. */
  readonly status: number | null;
  /** `answered` begins an answer that was passed on; the others were followed by another attempt, or failed the request. */
  readonly outcome: 'answered' | 'failed' | 'abandoned';
  readonly ms: number;
}

/** Behaviour that all upstreams share. */
export interface UpstreamOptions {
  /** False forbids loopback and private addresses. */
  readonly allowPrivate: boolean;
  readonly breaker?: BreakerOptions;
  readonly backoff?: BackoffOptions;
  /** An upstream that asks to wait longer than this is not waited for: its answer goes to the client. Default 20 s. */
  readonly maxWaitMs?: number;
  readonly connectTimeoutMs?: number;
}
