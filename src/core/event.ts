import type { Json } from './json.ts';
import type { Usage, UsageSource } from './usage.ts';

/** One token and its log-probability. `bytes` only where they are not the UTF-8 of `token`: a token can be half a character. */
export interface ScoredToken {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[];
}

/** Log-probability (natural logarithm) of one generated token and of its best alternatives, the chosen one included. */
export interface TokenLogprob extends ScoredToken {
  readonly top: readonly ScoredToken[];
}

/** Why generation ended. `cut` means that the stream broke off: such an answer is never complete and never confident. */
export type StopReason = 'done' | 'stop-sequence' | 'length' | 'tool-call' | 'refusal' | 'content-filter' | 'cut';

/** What an upstream said was wrong, where its stream or answer ended in an error. Its words may name accounts: show them with care. */
export interface UpstreamFailure {
  readonly type: string | null;
  readonly code: string | null;
  readonly message: string;
}

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
  | {
      readonly type: 'thinking';
      readonly text: string;
      /** Ends this thinking block where there is one; it is valid only at `protocol`. */
      readonly signature: string | null;
      readonly protocol?: string;
    }
  | {
      readonly type: 'tool-call';
      readonly index: number;
      readonly id: string | null;
      readonly name: string | null;
      readonly arguments: string;
    }
  | { readonly type: 'refusal'; readonly text: string; readonly logprobs?: readonly TokenLogprob[] }
  /** A source that the preceding text cites, in the words of `protocol`. */
  | { readonly type: 'annotation'; readonly protocol: string; readonly value: Json }
  /** A whole output block that only `protocol` understands. */
  | { readonly type: 'opaque'; readonly protocol: string; readonly value: Json }
  | {
      readonly type: 'end';
      readonly stop: StopReason;
      readonly usage: Usage | null;
      readonly usageSource: UsageSource;
      readonly recorded?: RecordedSignals;
      /** The stop sequence that was met, where the provider names it. */
      readonly stopSequence?: string;
      /** The service tier that the provider says it used: prices differ by it. */
      readonly serviceTier?: string;
      /** The provider's own usage object, as received. */
      readonly rawUsage?: Json;
      /** What was odd about the usage, in sentences to log. */
      readonly usageFlags?: readonly string[];
      /** Only with stop `cut`: what the upstream said, where it said something. */
      readonly failure?: UpstreamFailure;
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
  /** Latency that only the answerer knows: of the recorded call, or of an in-process prediction without what waited around it. */
  readonly latencyMs?: number;
}
