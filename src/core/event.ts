import type { Usage, UsageSource } from './usage.ts';

/** Log-probability (natural logarithm) of one generated token and of its best alternatives, the chosen one included. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
}

/** Why generation ended. `cut` means that the stream broke off: such an answer is never complete and never confident. */
export type StopReason = 'done' | 'stop-sequence' | 'length' | 'tool-call' | 'refusal' | 'content-filter' | 'cut';

/** What a model call yields, streamed or plain. The last event is `end`, exactly once, unless the call throws. */
export type ModelEvent =
  | {
      readonly type: 'start';
      readonly servedModel: string | null;
      readonly fingerprint: string | null;
      readonly upstreamId: string | null;
      readonly inputTokens: number | null;
    }
  | { readonly type: 'text'; readonly text: string; readonly logprobs?: readonly TokenLogprob[] }
  | { readonly type: 'thinking'; readonly text: string; readonly signature: string | null }
  | {
      readonly type: 'tool-call';
      readonly index: number;
      readonly id: string | null;
      readonly name: string | null;
      readonly arguments: string;
    }
  | { readonly type: 'refusal'; readonly text: string }
  | {
      readonly type: 'end';
      readonly stop: StopReason;
      readonly usage: Usage | null;
      readonly usageSource: UsageSource;
      readonly recorded?: RecordedSignals;
    };

/** What a provider knows of its own answer beyond tokens; absent members were not recorded, and are never invented. */
export interface RecordedSignals {
  /** P(answer is right) as the provider itself computes it (an embedded student's calibrated probability). */
  readonly probability?: number;
  /** Probability that the model gave to the token, or tokens, that hold its decision. */
  readonly token?: number;
  /** Top-1 minus top-2 probability of the decision. */
  readonly margin?: number;
  /** Confidence that the model stated in words, 0..1. */
  readonly stated?: number;
  /** Latency of the recorded call, where a recording answers instead of a live model. */
  readonly latencyMs?: number;
}
