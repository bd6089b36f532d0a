import type { Json } from '../../core/index.ts';
import type { JsonObject, WireRequest } from '../codecs/types.ts';

/** How much one batch may hold, by the provider's own rules. */
export interface BatchLimits {
  readonly requests: number;
  /** Of the lines, line feeds included. */
  readonly bytes: number;
}

/** A file of requests that is to be a batch: JSON Lines as `line` of its provider writes them. */
export interface BatchFile {
  readonly path: string;
  readonly bytes: number;
  /** Unique; under it the file and the batch are found again. */
  readonly mark: string;
  readonly requests: number;
}

/** Where a batch stands at its provider. */
export interface RemoteBatch {
  readonly id: string;
  /**
   * `running` it works on it; `ended` what it did can be read, all of it or a part (expired, cancelled); `refused` it did nothing and
   * never will; `crowded` it did nothing because too much is waiting there already: the same batch is taken later.
   */
  readonly state: 'running' | 'ended' | 'refused' | 'crowded';
  /** The provider's own word. */
  readonly status: string;
  /** Requests that have an answer or an error; null where it does not say. */
  readonly done: number | null;
  /** Why it was refused, in the provider's words; null otherwise. */
  readonly error: string | null;
  /** Files that hold the results, where they are files; kept so that a poll tells everything that reading them needs. */
  readonly files: readonly string[];
}

/** What became of one request of a batch. */
export type BatchResult =
  | { readonly id: string; readonly kind: 'answer'; readonly body: Json }
  /** Sending it again can help where `again`: it expired, was cancelled, or the provider failed. */
  | { readonly id: string; readonly kind: 'error'; readonly again: boolean; readonly status: number | null; readonly message: string };

/** What is known of a batch that may or may not have been begun. */
export type Doubt =
  | { readonly is: 'there'; readonly batch: RemoteBatch }
  | { readonly is: 'absent' }
  /** It cannot be told yet: another look later can. */
  | { readonly is: 'open' };

/** What is remembered of a submission whose answer never came. */
export interface Submission {
  readonly file: BatchFile;
  /** What `stage` gave. */
  readonly staged: string | null;
  /** When it was sent, in milliseconds since 1970. */
  readonly sentAt: number;
  /** Batches that are known to be others. */
  readonly others: ReadonlySet<string>;
  /** Whether a request is one of this batch's. */
  readonly holds: (id: string) => boolean;
}

/**
 * A provider's batch API. Everything throws UpstreamError as its HTTP exchange went, ABORTED included; only `submit` may leave it open
 * whether a batch was begun, which `resolve` finds out before it is sent again.
 */
export interface BatchApi {
  readonly limits: BatchLimits;
  /** A request as one line of a batch. `id` is at most 64 letters, digits, `-` and `_`. */
  line(id: string, request: WireRequest): JsonObject;
  /** Puts the file where `submit` takes it from, unless it is there; null where it goes with the submission itself. Costs nothing. */
  stage(file: BatchFile, signal: AbortSignal): Promise<string | null>;
  /** Begins the batch; from then on it is paid for. Sent once, never tried again by itself. */
  submit(file: BatchFile, staged: string | null, signal: AbortSignal): Promise<RemoteBatch>;
  /** Whether a submission that nobody heard the end of has begun a batch. */
  resolve(submission: Submission, signal: AbortSignal): Promise<Doubt>;
  poll(id: string, signal: AbortSignal): Promise<RemoteBatch>;
  /** What became of its requests, in any order, as it is read. Requests that no result tells of were not answered. */
  results(batch: RemoteBatch, signal: AbortSignal): AsyncIterable<BatchResult>;
  /** Asks to call it off: what was answered until then stays readable, and is paid for. */
  cancel(id: string, signal: AbortSignal): Promise<RemoteBatch>;
}
