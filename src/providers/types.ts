import type { EpochMs, ModelEvent, ModelRequest } from '../core/index.ts';

/** What surrounds one call to a model. */
export interface CallContext {
  /** Id of the item or request, under which a recording finds its answer. */
  readonly itemId: string | null;
  /** Aborts the call; the provider stops generating (and billing) as soon as it can. */
  readonly signal: AbortSignal | null;
  readonly deadlineAt: EpochMs | null;
}

/**
 * One model that can be called. Plain and streamed are one path: it yields events, and plain is `collect(events)`.
 *
 * Promises: `end` comes last and once, unless it throws a SmallfirstError; an aborted signal ends the call;
 * nothing that the provider did not say is invented (no logprobs, no usage, no latency).
 */
export interface ModelClient {
  call(request: ModelRequest, context: CallContext): AsyncIterable<ModelEvent>;
}
