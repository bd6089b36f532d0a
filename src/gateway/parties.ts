import type { CapsConfig } from '../config/index.ts';
import type { Call, NanoUsd } from '../core/index.ts';
import type { ClientHead } from './client.ts';

/** The two families of endpoints that share a base URL, an error envelope and a way to send a key. */
export type Family = 'openai' | 'anthropic';

/** Who asks. */
export interface Caller {
  /** The client key's name, null where no keys are declared. */
  readonly key: string | null;
  /** SHA-256 of that key in hex, so that it can be kept from upstreams; null where no keys are declared. */
  readonly keyHash: string | null;
  readonly team: string | null;
  /** Whether it may use models and endpoints that the config does not name. */
  readonly mayPassThrough: boolean;
  /** Null allows every model. */
  readonly models: ReadonlySet<string> | null;
  /** Null allows every task, and requests that name none. */
  readonly tasks: ReadonlySet<string> | null;
  /** The most that one request may ask for; null for no caps. */
  readonly caps: CapsConfig | null;
}

/** Decides who may ask at all. */
export interface Access {
  /** Throws UNAUTHENTICATED or FORBIDDEN. Sees the head of a request only: its body has not been read. */
  check(request: ClientHead): Caller;
}

/** Money that a request may spend, set aside until it is known what it spent. */
export interface Reservation {
  /** What the upstream must be told as its output limit, because the request names none and money is set aside for this much; else null. */
  readonly outputLimit: number | null;
  /** Rate limit headers of our own, names and values in turn; upstreams' `anthropic-ratelimit-*` go no further then. Null leaves those alone. */
  readonly headers: readonly string[] | null;
  /** Called once for each row of the request, before its answer ends. */
  settle(call: Call): void;
  /** The request is over: what was not settled is free again. */
  release(): void;
}

/** Money that a pipeline's run may spend: set aside for its steps before each of them asks. */
export interface PipelineReservation extends Reservation {
  /** The most that the run may spend by its key's cap; null for no limit. */
  readonly budget: NanoUsd | null;
  /** Money is set aside for each answer. */
  readonly isLimited: boolean;
  /**
   * Sets aside what an asking for a task (null for a planning model) can cost at its worst. Call what is returned when it is over.
   * Throws BUDGET_EXCEEDED, and BUDGET_UNPRICED where the worst is not known.
   */
  hold(task: string | null, worst: () => NanoUsd | null): () => void;
}

/** What is kept about an exchange while it lasts. */
export interface Observation {
  /** The `traceparent` to send upstream in place of the client's. */
  readonly traceparent: string;
}
