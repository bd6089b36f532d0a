import type { Json, StopReason, TokenLogprob, UpstreamFailure, Usage } from '../../core/index.ts';
import type { Protocol } from '../codecs/types.ts';

/** Answers that can be tapped: the three protocols, and OpenAI's two older endpoints. */
export type TapProtocol = Protocol | 'openai-completions' | 'openai-embeddings';

export interface TapOptions {
  readonly protocol: TapProtocol;
  /** The answer is server-sent events. */
  readonly stream: boolean;
  /** We asked for usage and the client did not: its own chunk is dropped, `usage: null` is removed. Chat and completions streams only. */
  readonly hideUsage?: boolean;
  /** We asked for log-probabilities and the client did not: they become what they are for those who do not ask. */
  readonly hideLogprobs?: boolean;
  /** Collect log-probabilities for the report. */
  readonly readLogprobs?: boolean;
  /**
   * Told everything that the model wrote (text, refusals, thinking, tool arguments), so that an answer without usage can be
   * counted. Of a plain answer only where it came without usage.
   */
  readonly onText?: (text: string) => void;
}

/** What an answer said about itself. Everything that it did not say is null: nothing is invented. */
export interface TapReport {
  /** The answer said that it is whole. Where this is false after the end of the bytes, it was cut. */
  readonly complete: boolean;
  /** Nothing that came contradicts the protocol: a plain answer has its shape, and every frame of a stream looks like JSON. */
  readonly legible: boolean;
  readonly stop: StopReason | null;
  readonly usage: Usage | null;
  /** What was odd about the usage, in sentences to log. */
  readonly usageFlags: readonly string[];
  readonly rawUsage: Json | null;
  readonly servedModel: string | null;
  readonly fingerprint: string | null;
  readonly upstreamId: string | null;
  readonly serviceTier: string | null;
  readonly logprobs: readonly TokenLogprob[] | null;
  /** An error that came inside the answer. */
  readonly failure: UpstreamFailure | null;
}

/** Listens to an upstream's bytes on their way to the client. */
export interface Tap {
  /** True when the bytes that leave may differ from those that came: a content-length must not be passed on. */
  readonly edits: boolean;
  /** A stream: the frame that closes it has been read, so the bytes of the last `push` are the ones that a client waits for. */
  readonly ended: boolean;
  /** Takes the next bytes and returns those to pass on: the same buffer where nothing is hidden. May be empty. */
  push(chunk: Buffer): Buffer;
  /** The upstream has ended or broken off: returns what is still to pass on. Call it once. */
  end(): Buffer;
  /** What is known so far. */
  report(): TapReport;
}

export const NO_BYTES: Buffer = Buffer.alloc(0);
